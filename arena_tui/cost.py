"""What a limit and a strategy cost in memory and time, as far as the plan of the profile tells. Knows no widget."""

from arena_tui.figures import MISSING, duration, gib
from arena_tui.inspected import Outlook
from core.plan.plan import MemoryPlan, Plan, TimePlan
from core.profile.settings import Profile
from core.train.fit import judge, parts

CostLine = tuple[str, str, str, str]
"""Label, figure, what stands beside it, and the change from the profile's own."""


def cost_lines(plan: Plan | None, profile: Profile, chosen: Outlook, own: Outlook) -> list[CostLine]:
    """Peak memory and training time under `chosen`, beside those under the profile's `own`."""
    if plan is None:
        return []
    return [*_memory(plan.memory, profile, chosen, own), _time(plan.time, profile, chosen, own)]


def _memory(memory: MemoryPlan | None, profile: Profile, chosen: Outlook, own: Outlook) -> list[CostLine]:
    if memory is None:
        return []
    peak, before = (_peak(memory, profile, outlook) for outlook in (chosen, own))
    beside = judge(peak, memory.free) if memory.free is not None else "on a GPU"
    change = "" if peak == before else f"{'+' if peak > before else '−'}{gib(abs(peak - before))}"
    return [("memory", gib(peak), beside, change)]


def _peak(memory: MemoryPlan, profile: Profile, outlook: Outlook) -> int:
    longest = int(outlook.cut.shown.max(initial=0))
    held = parts(
        profile,
        memory.shape,
        precision=memory.precision,
        longest=longest,
        is_packed=memory.is_packed,
        free=memory.free,
    )
    return round(held.total * memory.factor)


def _time(time: TimePlan | None, profile: Profile, chosen: Outlook, own: Outlook) -> CostLine:
    if time is None:
        return ("time", MISSING, "unknown here", "")
    seconds, before = (
        profile.train.epochs * outlook.epoch.effective_tokens / time.tokens_per_second for outlook in (chosen, own)
    )
    change = "" if seconds == before else f"{'+' if seconds > before else '−'}{duration(abs(seconds - before))}"
    return ("time", duration(seconds), "to train", change)
