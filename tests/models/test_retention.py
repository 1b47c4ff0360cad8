"""Retention against loops written straight from the equations."""

import math
from functools import partial

import pytest
import torch

from tsfmicro.models.blocks import StochasticDepth
from tsfmicro.models.retention import (
    HEADS,
    Places,
    Retention,
    causal_decays,
    manhattan_decays,
    turned,
    turned_by_complex_product,
)
from tsfmicro.models.temporal import TemporalStream

SIDE, WIDTH, SPAN = 4, 16, 4
PER_HEAD = WIDTH // HEADS


@pytest.fixture
def qkv():
    return torch.randn(3, SIDE, SIDE, HEADS, PER_HEAD, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def pairs_at(x, place):
    """x (d,) as d/2 complex numbers, turned by e^(i·place·θ)."""
    theta = [10_000 ** -(j / (PER_HEAD // 2 - 1)) for j in range(PER_HEAD // 2)]
    return [
        complex(x[2 * j], x[2 * j + 1]) * complex(math.cos(place * t), math.sin(place * t)) for j, t in enumerate(theta)
    ]


def product(q, n, k, m):
    """Re (Q_n e^{inθ})(K_m e^{imθ})†, divided by √d."""
    return sum((a * b.conjugate()).real for a, b in zip(pairs_at(q, n), pairs_at(k, m), strict=True)) / math.sqrt(
        PER_HEAD
    )


def equation_2(q, k, v, places, gamma):
    """o_n = Σ_{m≤n} γ^{n−m}(Q_n e^{inθ})(K_m e^{imθ})† v_m, for tokens q, k, v (T, d) at `places` of the raster."""
    return torch.stack(
        [
            sum(gamma ** (n - m) * product(q[n], places[n], k[m], places[m]) * v[m] for m in range(n + 1))
            for n in range(len(q))
        ]
    )


def softmax_with_fading(q, k, v, places, distance, decay):
    """softmax_m((Q_n e^{inθ})·(K_m e^{imθ}) + decay·distance(n, m)) v_m."""
    outputs = []
    for n in range(len(q)):
        scores = [product(q[n], places[n], k[m], places[m]) + decay * distance(n, m) for m in range(len(q))]
        weights = torch.tensor(scores, dtype=torch.float64).softmax(0)
        outputs.append(sum(w * value for w, value in zip(weights, v, strict=True)))
    return torch.stack(outputs)


def by_rows_then_columns(q, k, v, along):
    """Each row, then each column of the result; `along(q, k, v, places)` sees a line of tokens and their raster places."""
    raster = torch.arange(SIDE * SIDE).view(SIDE, SIDE).tolist()
    rows = torch.stack([along(q[r], k[r], v[r], raster[r]) for r in range(SIDE)])
    columns = [along(q[:, c], k[:, c], rows[:, c], [row[c] for row in raster]) for c in range(SIDE)]
    return torch.stack(columns, dim=1)


def ours(qkv, kind, separable):
    """(H, W, heads, d): what Retention gathers, before its local term and output linear."""
    places = Places(SIDE, WIDTH, kind, SPAN, separable).double()
    return Retention(WIDTH, kind).gather(torch.cat(qkv[:2].unbind(), dim=-2)[None], qkv[2][None], places)[0]


def normalised(x):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-6).sqrt()


def test_causal_retention_over_the_whole_raster_is_equation_2(qkv):
    for head in range(HEADS):
        q, k, v = (t[:, :, head].flatten(0, 1) for t in qkv)
        written = normalised(equation_2(q, k, v, range(SIDE * SIDE), 1 - 2.0 ** (-5 - head)))
        torch.testing.assert_close(ours(qkv, "causal", False)[:, :, head].flatten(0, 1), written, atol=1e-6, rtol=1e-5)


def test_separable_causal_retention_is_equation_2_along_rows_then_columns(qkv):
    for head in range(HEADS):
        gamma = 1 - 2.0 ** (-5 - head)
        written = by_rows_then_columns(*qkv[:, :, :, head], partial(equation_2, gamma=gamma))
        torch.testing.assert_close(ours(qkv, "causal", True)[:, :, head], normalised(written), atol=1e-6, rtol=1e-5)


def test_manhattan_retention_fades_with_rows_and_columns_apart(qkv):
    def distance(n, m):
        return abs(n // SIDE - m // SIDE) + abs(n % SIDE - m % SIDE)

    for head in range(HEADS):
        decay = math.log(1 - 2 ** (-2 - SPAN * head / HEADS))
        q, k, v = (t[:, :, head].flatten(0, 1) for t in qkv)
        written = softmax_with_fading(q, k, v, range(SIDE * SIDE), distance, decay)
        torch.testing.assert_close(
            ours(qkv, "manhattan", False)[:, :, head].flatten(0, 1), written, atol=1e-6, rtol=1e-5
        )


def test_separable_manhattan_retention_goes_along_rows_then_columns(qkv):
    for head in range(HEADS):
        decay = math.log(1 - 2 ** (-2 - SPAN * head / HEADS))

        def along(q, k, v, places, decay=decay):
            return softmax_with_fading(q, k, v, places, lambda n, m: abs(n - m), decay)

        written = by_rows_then_columns(*qkv[:, :, :, head], along)
        torch.testing.assert_close(ours(qkv, "manhattan", True)[:, :, head], written, atol=1e-6, rtol=1e-5)


def test_a_step_of_distance_costs_the_first_head_a_quarter_and_the_second_a_sixteenth():
    torch.testing.assert_close(manhattan_decays(2, 4).exp(), torch.tensor([1 - 1 / 4, 1 - 1 / 16]))
    torch.testing.assert_close(causal_decays(2), torch.tensor([1 - 1 / 32, 1 - 1 / 64]))


def test_causal_retention_never_looks_at_later_places(qkv):
    before = ours(qkv, "causal", False).flatten(0, 1)
    qkv.flatten(1, 2)[:, 9:] += 1  # everything from the tenth place of the raster on
    after = ours(qkv, "causal", False).flatten(0, 1)
    assert torch.equal(before[:9], after[:9]) and not torch.allclose(before[9:], after[9:])


def test_a_rotation_is_the_same_with_and_without_complex_numbers():
    pairs, angle = torch.randn(2, 3, 5, 2), torch.randn(3, 5)
    turn = torch.stack((angle.cos(), angle.sin()), dim=-1)
    torch.testing.assert_close(turned_by_complex_product(pairs, turn), turned(pairs, turn))


def test_stochastic_depth_rises_linearly_over_the_five_blocks():
    stream = TemporalStream(32, (4, 4, 4, 4), (4, 4, 4, 4), drop_path=0.1)
    drops = [part.drop for part in stream.modules() if isinstance(part, StochasticDepth)]
    assert drops == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])


def test_stochastic_depth_keeps_or_drops_the_branch_of_a_whole_clip():
    torch.manual_seed(0)
    add = StochasticDepth(0.25)
    x, branch = torch.ones(1000, 2, 2, 3), torch.full((1000, 2, 2, 3), 3.0)
    added = (add(x, branch) - x).flatten(1)
    assert set(added.unique().tolist()) == {0.0, 4.0}  # dropped, or 3 / 0.75
    assert (added == added[:, :1]).all()
    assert added.mean().item() == pytest.approx(3, abs=0.2)


def test_stochastic_depth_is_off_when_evaluated():
    x, branch = torch.randn(4, 2, 2, 3), torch.randn(4, 2, 2, 3)
    assert torch.equal(StochasticDepth(0.9).eval()(x, branch), x + branch)
