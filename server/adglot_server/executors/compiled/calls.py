"""Emit the steps of a plan that are no loops: products, routines, and looks at guards."""

from __future__ import annotations

from collections.abc import Mapping

from adglot_server.executors.compiled import factors, gathers, products, scatters
from adglot_server.executors.compiled.elementwise import element
from adglot_server.executors.compiled.lanes import Code, Module, constant
from adglot_server.executors.compiled.loops import SCALAR, element_at, read
from adglot_server.executors.compiled.operands import Strided, plain, strided
from adglot_server.executors.compiled.plan import Call, Plan


def write(main: Code, chosen: Plan, call: Call, data: Mapping[int, str]) -> None:
    """Emit one step into the body of `run`.

    `data` has the addresses of values. Where a routine fails the code jumps to %failed.
    """
    region = chosen.region
    node, type, result = region.nodes[call.index], region.types[call.index], data[call.index]
    name = element(type.dtype)
    if node.op == "matmul":
        _product(main, chosen, call, data)
    elif node.op == "checked":
        factors.check_finite(main, name, type.size, result)
    elif node.op == "scattered":
        index, updates = node.operands[:2]
        places = region.types[index].size
        scatters.write(main, node, places, data[index], data[updates], result)
    elif node.op == "gathered":
        places, x = node.operands
        gathers.write(main, name, type.size, data[places], data[x], result)
    elif len(node.operands) == 1:
        factors.write(main, name, node, None, result, result)
    else:
        matrix = _seen(chosen, node.operands[0])
        at = element_at(main, name, data[matrix.buffer], [], matrix.offset)
        factors.write(main, name, node, matrix, at, result)


def check_guards(main: Code, chosen: Plan, data: Mapping[int, str]) -> None:
    """Jump to %failed where a value is not the one that the graph was traced for."""
    for guard in chosen.region.guards:
        name = element(chosen.region.types[guard.value].dtype)
        x = read(main, name, data[guard.value], SCALAR)
        same = x.compare("eq", constant(main, name, 1, guard.expected))
        label = main.fresh("good")
        main.emit(f"br i1 {same.name}, label %{label}, label %failed\n{label}:")


def _product(main: Code, chosen: Plan, call: Call, data: Mapping[int, str]) -> None:
    region = chosen.region
    node, type = region.nodes[call.index], region.types[call.index]
    name = element(type.dtype)
    a, b = (_seen(chosen, i) for i in node.operands)
    product, swapped = products.product(a, b, type.shape)
    left, right = (element_at(main, name, data[x.buffer], [], x.offset) for x in (a, b))
    if swapped:
        left, right = right, left
    function = _function(main.module, name, product)
    main.emit(f"call void @{function}(ptr {left}, ptr {right}, ptr {data[call.index]})")


def _function(module: Module, name: str, product: products.Product) -> str:
    """The function of three addresses that computes a product, written once for all such."""
    full = f'"adglot.{name}.{product}"'
    if full not in module.parts:
        code = Code(module)
        products.write(code, name, product, "%a", "%b", "%c")
        head = "ptr noalias %a, ptr noalias %b, ptr noalias %c"
        body = "\n".join([*code.lines, "ret void"])
        function = f"define internal void @{full}({head}) noinline nounwind"
        module.parts[full] = f"{function} {{\nentry:\n{body}\n}}"
    return full


def _seen(chosen: Plan, index: int) -> Strided:
    """Where an operand lies: the plan stores what lies nowhere as it should."""
    found = None if index in chosen.stored else strided(chosen.region, index)
    return found or plain(chosen.region, index)
