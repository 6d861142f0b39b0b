"""Emit the steps of a plan that are no loops: products, routines, and looks at guards."""

from __future__ import annotations

from collections.abc import Mapping

from adglot_server.executors.compiled import factors, products, scatters
from adglot_server.executors.compiled.elementwise import element
from adglot_server.executors.compiled.lanes import Code, constant
from adglot_server.executors.compiled.loops import SCALAR, element_at, read
from adglot_server.executors.compiled.operands import Strided, plain, strided
from adglot_server.executors.compiled.plan import Call, Plan


def write(main: Code, chosen: Plan, call: Call, data: Mapping[int, str]) -> str:
    """Emit one step into the body of `run`; returns the text of a function that it calls, if any.

    `data` has the addresses of values. Where a routine fails the code jumps to %failed.
    """
    region = chosen.region
    node, type = region.nodes[call.index], region.types[call.index]
    name = element(type.dtype)
    if node.op == "matmul":
        return _product(main, chosen, call, data)
    if node.op == "checked":
        factors.check_finite(main, name, type.size, data[call.index])
        return ""
    if node.op == "scattered":
        index, updates = node.operands[:2]
        count = region.types[index].size
        scatters.write(main, node, count, data[index], data[updates], data[call.index])
        return ""
    operand, at = None, data[call.index]
    if len(node.operands) > 1:
        operand = _seen(chosen, node.operands[0])
        at = element_at(main, name, data[operand.buffer], [], operand.offset)
    factors.write(main, name, node, operand, at, data[call.index])
    return ""


def check_guards(main: Code, chosen: Plan, data: Mapping[int, str]) -> None:
    """Jump to %failed where a value is not the one that the graph was traced for."""
    for guard in chosen.region.guards:
        name = element(chosen.region.types[guard.value].dtype)
        x = read(main, name, data[guard.value], SCALAR)
        same = x.compare("eq", constant(main, name, 1, guard.expected))
        label = main.fresh("good")
        main.emit(f"br i1 {same.name}, label %{label}, label %failed\n{label}:")


def _product(main: Code, chosen: Plan, call: Call, data: Mapping[int, str]) -> str:
    """As a function of its own, which writes nothing that it reads."""
    region = chosen.region
    node, type = region.nodes[call.index], region.types[call.index]
    name = element(type.dtype)
    a, b = (_seen(chosen, i) for i in node.operands)
    product, swapped = products.product(a, b, type.shape)
    left, right = (element_at(main, name, data[x.buffer], [], x.offset) for x in (a, b))
    if swapped:
        left, right = right, left
    main.emit(f"call void @product{call.index}(ptr {left}, ptr {right}, ptr {data[call.index]})")
    code = Code(main.module)
    products.write(code, name, product, "%a", "%b", "%c")
    head = "ptr noalias %a, ptr noalias %b, ptr noalias %c"
    body = "\n".join([*code.lines, "ret void"])
    function = f"define internal void @product{call.index}({head}) noinline nounwind"
    return f"{function} {{\nentry:\n{body}\n}}"


def _seen(chosen: Plan, index: int) -> Strided:
    """Where an operand lies: the plan stores what lies nowhere as it should."""
    found = None if index in chosen.stored else strided(chosen.region, index)
    return found or plain(chosen.region, index)
