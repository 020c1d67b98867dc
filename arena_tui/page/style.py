"""How the page looks: in light and in dark, on a screen and on paper. A is blue, B is orange, a tie is grey."""

STYLE = """
:root { color-scheme: light dark; --text: #1d2422; --muted: #5b6663; --paper: #fff; --line: #d5dcd9;
  --accent: #0b7a5c; --a: #0b66a3; --b: #a35a00; --tie: #8a9491; --warning: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --text: #d6dbd9; --muted: #93a09b; --paper: #101413; --line: #2c3532;
  --accent: #2fb892; --a: #56b4e9; --b: #e69f00; --tie: #7b8783; --warning: #e6c34a; } }
body { margin: 0; background: var(--paper); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h2 { margin-top: 2rem; border-bottom: 1px solid var(--line); }
.score { font-size: 3rem; font-weight: 600; color: var(--accent); margin: 0; }
.caution { color: var(--warning); } small, .tick { color: var(--muted); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th:first-child, .words { text-align: left; } th { font-weight: 500; color: var(--muted); }
.heat { background: color-mix(in srgb, var(--accent) calc(var(--heat) * .6), transparent); }
svg { display: block; max-width: 100%; height: auto; } svg text { fill: var(--text); font-size: 13px; }
svg .tick { fill: var(--muted); text-anchor: middle; font-size: 11px; } svg .figure { text-anchor: end; }
svg .reference { stroke: var(--muted); stroke-dasharray: 4 3; }
svg .interval { stroke: var(--tie); stroke-width: 3; }
svg .dot { fill: var(--accent); } svg .faint { fill-opacity: .6; } svg .people { fill: var(--b); }
.row { margin: .4rem 0; } summary { cursor: pointer; } .id { font-variant-numeric: tabular-nums; font-weight: 600; }
.bar { display: inline-flex; width: 90px; height: .7em; vertical-align: baseline; } .bar i { height: 100%; }
.bar .a { background: var(--a); } .bar .b { background: var(--b); } .bar .tie { background: var(--tie); }
.parts { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; } .part-0 { grid-column: span 2; }
.parts h4 { margin: .3rem 0; } .part-1 h4 { color: var(--a); } .part-2 h4 { color: var(--b); }
.parts section { min-width: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: .5rem; margin: 0;
  max-height: 30rem; overflow-y: auto; }
del { opacity: .55; }
@media (max-width: 640px) { .parts { display: block; } }
@media print { main { max-width: none; } h2 { break-after: avoid; } table, svg { break-inside: avoid; }
  pre { max-height: none; } }
"""
