"""Averages adapters, by their tensors: the products exactly or to a lower rank, or their factors. Knows no file.

An adapter adds s B A to a weight: A has the shape (rank, inputs), B the shape (outputs, rank), and s is alpha / rank.
All that is no such factor (a head, biases) is averaged by itself.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]
"""The tensors of an adapter by name, as peft saves them."""
A, B = ".lora_A.weight", ".lora_B.weight"


class Averaged(Struct, frozen=True):
    weights: dict[str, NDArray[np.float32]]
    kept: float = 1.0
    """The share of the squared norm of all products that their rank leaves of them."""


def unlike(members: Sequence[Weights]) -> str:
    """The first tensor that one of the members lacks, or has in another shape, in words; "" where there is none. The
    rank may differ."""
    first = members[0]
    for number, other in enumerate(members[1:], 2):
        for name in sorted(first.keys() ^ other.keys()):
            return f"{name} is in one of adapters 1 and {number} alone"
        for name in sorted(first):
            if _without_rank(name, first[name].shape) != _without_rank(name, other[name].shape):
                return f"{name} has the shape {first[name].shape} in adapter 1, {other[name].shape} in adapter {number}"
    return ""


def concatenated(members: Sequence[Weights], scales: Sequence[float]) -> Averaged:
    """The exact mean of the products s B A: their factors side by side, the rank the sum of all ranks. It is to be
    scaled by the first of `scales`."""
    made = _means(members)
    for name in _projections(members):
        made[name + A], made[name + B] = map(_rounded, _side_by_side(name, members, scales))
    return Averaged(made)


def reduced(members: Sequence[Weights], scales: Sequence[float], rank: int) -> Averaged:
    """The nearest of this rank to the mean of the products, by the norm of the difference: its largest singular values
    (Eckart and Young, 1936), each shared by both factors. It is to be scaled by the first of `scales`.

    The values are those of a matrix no larger than the sum of the ranks (QR of both factors).
    """
    made, kept, whole = _means(members), 0.0, 0.0
    for name in _projections(members):
        a, b = _side_by_side(name, members, scales)
        (q_a, r_a), (q_b, r_b) = np.linalg.qr(a.T), np.linalg.qr(b)
        left, values, right = np.linalg.svd(r_b @ r_a.T, full_matrices=False)
        kept, whole = kept + float((values[:rank] ** 2).sum()), whole + float((values**2).sum())
        roots = np.sqrt(values[:rank])
        missing = (0, max(0, rank - len(values)))  # a small matrix has fewer; the other rows of A stay empty
        made[name + A] = _rounded(np.pad((roots[:, None] * right[:rank]) @ q_a.T, (missing, (0, 0))))
        made[name + B] = _rounded(np.pad(q_b @ (left[:, :rank] * roots), ((0, 0), missing)))
    return Averaged(made, kept / whole if whole else 1.0)


def plain(members: Sequence[Weights]) -> Averaged:
    """The mean of each tensor: of A and of B by itself, which is not the mean of their products."""
    return Averaged(_means(members) | {name: _mean(name, members) for name in members[0] if name.endswith((A, B))})


def _projections(members: Sequence[Weights]) -> list[str]:
    return [name.removesuffix(A) for name in members[0] if name.endswith(A)]


def _side_by_side(
    name: str, members: Sequence[Weights], scales: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A of shape (sum of ranks, inputs) and B of shape (outputs, sum of ranks), whose product is the mean of all over
    the first scale."""
    shares = [scale / (scales[0] * len(members)) for scale in scales]
    a = np.concatenate([member[name + A] for member in members], dtype=np.float64)
    b = np.concatenate([member[name + B] * share for member, share in zip(members, shares, strict=True)], axis=1)
    return a, b.astype(np.float64)


def _means(members: Sequence[Weights]) -> dict[str, NDArray[np.float32]]:
    """Of all but the factors."""
    return {name: _mean(name, members) for name in members[0] if not name.endswith((A, B))}


def _mean(name: str, members: Sequence[Weights]) -> NDArray[np.float32]:
    return _rounded(np.mean([member[name] for member in members], axis=0, dtype=np.float64))


def _rounded(weight: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.ascontiguousarray(weight, dtype=np.float32)


def _without_rank(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if name.endswith(A):
        return shape[1:]
    return shape[:1] if name.endswith(B) else shape
