"""The kernels of attention and rotation on a card, for each form of heads, against the reference in float32."""

from typing import Any

import pytest
import torch
from packing import rows_of

from core.packed import ops_reference
from core.packed.ops import Attention, Norm
from core.packed.pack import Pack, pack, unpack

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card"),
]
DEVICE = "cuda"
LENGTHS = [150, 1, 64, 33, 129]
ROUNDED = 0.01
"""More than bf16 loses, and less than any number in a wrong place."""
FORMS: dict[str, dict[str, Any]] = {
    "llama": {},
    "gemma2": {"head_dim": 256, "heads": 4, "cap": 2.0, "window": 40},
    "qwen3": {"normed": True},
    "mistral": {"window": 40},
    "phi3-mini": {"head_dim": 96, "heads": 6, "kv_heads": 6, "window": 40},
    "phi4-mini": {"pairs": 48, "heads": 6},
}


@pytest.fixture(params=FORMS)
def attention(request: pytest.FixtureRequest) -> Attention:
    return attention_of(**FORMS[request.param])


def attention_of(
    *,
    head_dim: int = 128,
    heads: int = 8,
    kv_heads: int = 2,
    pairs: int | None = None,
    cap: float = 0.0,
    window: int = 0,
    normed: bool = False,
) -> Attention:
    torch.manual_seed(0)
    angles = torch.randn(max(LENGTHS), pairs or head_dim // 2, device=DEVICE)
    query_norm, key_norm = (Norm(1 + 0.3 * torch.randn(head_dim, device=DEVICE), 1e-6) for _ in range(2))
    return Attention(
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        scale=head_dim**-0.5,
        cap=cap,
        window=window,
        cos=1.2 * angles.cos(),  # as scaled rotations do
        sin=1.2 * angles.sin(),
        query_norm=query_norm if normed else None,
        key_norm=key_norm if normed else None,
    )


def rows() -> Pack:
    return unpack({name: tensor.to(DEVICE) for name, tensor in pack(rows_of(LENGTHS)).items()})


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, device=DEVICE).bfloat16()


def assert_close(found: torch.Tensor, exact: torch.Tensor) -> None:
    assert found.dtype is torch.bfloat16
    assert float((found.float() - exact).norm() / exact.norm()) < ROUNDED


def test_heads_are_rotated_forward_and_backward(attention: Attention) -> None:
    from core.packed import ops_triton

    held, width = rows(), (attention.heads + 2 * attention.kv_heads) * attention.head_dim
    qkv, d_qkv = random(sum(LENGTHS), width), random(sum(LENGTHS), width)
    rotated = ops_triton.rotate(qkv.clone(), held, attention)
    assert_close(rotated, ops_reference.rotate(qkv.float(), held, attention))
    turned_back = ops_triton.rotate_backward(qkv, held, attention, d_qkv.clone())
    assert_close(turned_back, ops_reference.rotate_backward(qkv.float(), held, attention, d_qkv.float()))

    _, _, values = attention.split(qkv)
    assert torch.equal(attention.split(rotated)[2], values)
    turned = 2 * attention.cos.shape[1]
    for before, after in ((qkv, rotated), (d_qkv, turned_back)):
        for one, two in zip(attention.split(before)[:2], attention.split(after)[:2], strict=True):
            assert torch.equal(one[..., turned:], two[..., turned:])
            assert not torch.equal(one[..., turned - 1], two[..., turned - 1])


def test_attention_is_that_of_each_example_forward_and_backward(attention: Attention) -> None:
    from core.packed import ops_triton

    held, width = rows(), (attention.heads + 2 * attention.kv_heads) * attention.head_dim
    qkv = random(sum(LENGTHS), width)
    attended, logsumexp = ops_triton.attend(qkv, held, attention)
    exact, _ = ops_reference.attend(qkv.float(), held, attention)
    assert_close(attended, exact)
    d_attended = random(*attended.shape)
    d_qkv = ops_triton.attend_backward(qkv, attended, logsumexp, held, attention, d_attended)
    d_exact = ops_reference.attend_backward(qkv.float(), exact, None, held, attention, d_attended.float())
    for found, wanted in zip(attention.split(d_qkv), attention.split(d_exact), strict=True):
        assert_close(found, wanted)
