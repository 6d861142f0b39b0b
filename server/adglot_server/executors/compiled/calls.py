"""Emit the steps of a plan that are no loops: products, routines, and looks at guards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from adglot_server.executors.compiled import factors, gathers, products, scatters
from adglot_server.executors.compiled.elementwise import element
from adglot_server.executors.compiled.lanes import Code, Module, constant
from adglot_server.executors.compiled.loops import SCALAR, element_at, read
from adglot_server.executors.compiled.operands import seen
from adglot_server.executors.compiled.plan import Call, Plan
from adglot_server.executors.compiled.spots import Index


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
        matrix = seen(region, chosen.stored, node.operands[0])
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
    product, a, b = products.of_node(chosen.region, chosen.stored, call.index)
    name = element(chosen.region.types[call.index].dtype)
    left, right = (element_at(main, name, data[x.buffer], [], x.offset) for x in (a, b))
    function = _function(main.module, name, product)
    main.emit(f"call void @{function}(ptr {left}, ptr {right}, ptr {data[call.index]})")


def write_rows(
    code: Code, chosen: Plan, call: Call, buffer: Callable[[int], str], row: Index, rows: int
) -> None:
    """Emit what some rows of a matrix give: their products with a vector.

    Where a row of numbers is multiplied with the matrix it is what they add to the product.
    """
    product, a, b = products.of_node(chosen.region, chosen.stored, call.index)
    name = element(chosen.region.types[call.index].dtype)
    added = product.m == 1
    steps = (product.a[1], product.b[0], 0) if added else (product.a[0], 0, 1)
    part = replace(product, k=rows) if added else replace(product, m=rows)
    starts = ((a.buffer, a.offset), (b.buffer, b.offset), (call.index, 0))
    at = [
        element_at(code, name, buffer(x), [(row.name or "0", step)], offset + row.offset * step)
        for (x, offset), step in zip(starts, steps, strict=True)
    ]
    function = _function(code.module, name, part, added)
    code.emit(f"call void @{function}({', '.join(f'ptr {x}' for x in at)})")


def _function(module: Module, name: str, product: products.Product, added: bool = False) -> str:
    """The function of three addresses that computes a product, written once for all such.

    It is added to what is there, or takes its place.
    """
    full = f'"adglot.{name}.{product}{".added" if added else ""}"'
    if full not in module.parts:
        code = Code(module)
        write_product = products.write_added if added else products.write
        write_product(code, name, product, "%a", "%b", "%c")
        head = "ptr noalias %a, ptr noalias %b, ptr noalias %c"
        body = "\n".join([*code.lines, "ret void"])
        function = f"define internal void @{full}({head}) noinline nounwind"
        module.parts[full] = f"{function} {{\nentry:\n{body}\n}}"
    return full
