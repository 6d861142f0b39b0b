"""ADBench's long short-term memory network, diagonal in its weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload, generator

LAYERS, BITS, STEPS = 2, 14, 1024


def loss(xp: Namespace, main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    """The mean negative log-likelihood of each character of a sequence, given those before.

    - `main` [layers, 2, 4, bits]: weights and biases of the gates: forget, in, out, change
    - `extra` [3, bits]: weight of the input; weight and bias of the output
    - `state` [layers, 2, bits]: hidden and cell at the start
    - `sequence` [steps, bits]: the characters
    """

    def step(state: Any, pair: Any) -> Any:
        given, wanted = pair
        state, guess = _predicted(xp, main, extra, state, given)
        norm = xp.log(2.0 + xp.sum(xp.exp(guess)))
        return state, xp.sum(wanted * (guess - norm))

    _, gains = xp.scan(step, state, (sequence[:-1], sequence[1:]))
    return -xp.sum(gains) / float((sequence.shape[0] - 1) * sequence.shape[1])


def _predicted(xp: Namespace, main: Any, extra: Any, state: Any, x: Any) -> tuple[Any, Any]:
    """The state after a character, and what comes next."""
    states, x = [], x * extra[0]
    for layer in range(main.shape[0]):
        x, cell = _cell(xp, main[layer, 0], main[layer, 1], state[layer, 0], state[layer, 1], x)
        states.append(xp.stack([x, cell]))
    return xp.stack(states), x * extra[1] + extra[2]


def _cell(xp: Namespace, weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> Any:
    forget = _sigmoid(xp, x * weight[0] + bias[0])
    enter = _sigmoid(xp, hidden * weight[1] + bias[1])
    leave = _sigmoid(xp, x * weight[2] + bias[2])
    change = xp.tanh(hidden * weight[3] + bias[3])
    cell = cell * forget + enter * change
    return leave * xp.tanh(cell), cell


def _sigmoid(xp: Namespace, x: Any) -> Any:
    return 1.0 / (1.0 + xp.exp(-x))


def point(layers: int, bits: int, steps: int) -> tuple[Array, ...]:
    """Random parameters, and a random text in bits."""
    random = generator()
    main, extra = random.normal(size=(layers, 2, 4, bits)), random.normal(size=(3, bits))
    text = random.integers(0, 2, (steps, bits)).astype(np.float64)
    return main, extra, random.normal(size=(layers, 2, bits)), text


WORKLOADS = (
    Workload(
        f"LSTM gradient, {LAYERS} layers, {STEPS} characters",
        loss,
        lambda: point(LAYERS, BITS, STEPS),
        "gradient",
        argnums=(0, 1),
        lacking={
            "casadi": "would be given the loop written out, two million scalar operations of C",
            "differences": "would be 267 evaluations of a loop in Python",
        },
    ),
)
