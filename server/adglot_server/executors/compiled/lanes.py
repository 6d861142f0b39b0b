"""Write LLVM IR: values of one or more lanes, with Python's arithmetic on them.

A `Lanes` is one SSA value: a number, an integer or a truth value in each of `width` lanes, one
lane being a plain scalar. Operators emit an instruction and give its result, so that a formula
reads as in a book, and the same formula serves scalars and vectors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

FLOATS = ("float", "double")
SIGNS = {"float": ("i32", -(1 << 31)), "double": ("i64", -(1 << 63))}
"""Integers of the same size, and their bit that is the sign."""

TO_INTEGER = 6755399441055744.0
"""1.5 * 2^52: added to a number below 2^51 it leaves the nearest integer in the low bits."""


@dataclass(eq=False, slots=True)
class Module:
    """The text of a module: functions, tables and what they declare, each by its name."""

    parts: dict[str, str] = field(default_factory=dict)

    def declare(self, name: str, result: str, operands: list[str]) -> None:
        self.parts.setdefault(name, f"declare {result} @{name}({', '.join(operands)})")

    def table(self, name: str, numbers: list[float]) -> str:
        """A constant array of doubles; returns its address."""
        items = ", ".join(f"double {literal(x, 'double')}" for x in numbers)
        text = f"@{name} = internal constant [{len(numbers)} x double] [{items}], align 64"
        self.parts.setdefault(name, text)
        return f"@{name}"

    def vector(self, type: str, element: str, number: str) -> str:
        """The address of a vector with one number in every lane."""
        name = f'@"adglot.{type}.{number}"'
        text = f"{name} = internal constant {type} splat ({element} {number}), align 64"
        self.parts.setdefault(name, text)
        return name

    def __str__(self) -> str:
        return "\n".join(self.parts.values()) + "\n"


@dataclass(eq=False, slots=True)
class Code:
    """The body of one function, being written."""

    module: Module
    lines: list[str] = field(default_factory=list)
    count: int = 0
    known: dict[str, str] = field(default_factory=dict)
    """The names of addresses, of what they are made of, and of constants."""

    def fresh(self, stem: str = "v") -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def emit(self, line: str) -> None:
        self.lines.append(line)

    def define(self, instruction: str) -> str:
        """Emit an instruction that has a result; returns its name."""
        name = f"%{self.fresh()}"
        self.lines.append(f"{name} = {instruction}")
        return name

    def reuse(self, instruction: str) -> str:
        """The name of what was defined so before, or is now: where that was, control came by."""
        if instruction not in self.known:
            self.known[instruction] = self.define(instruction)
        return self.known[instruction]

    def value(self, element: str, width: int, instruction: str) -> Lanes:
        return Lanes(self, element, width, self.define(instruction))

    def block(self, label: str) -> None:
        """Begin a block, the one before it going on into it."""
        self.lines += [f"br label %{label}", f"{label}:"]


def typed(element: str, width: int) -> str:
    """LLVM's type of so many lanes."""
    return element if width == 1 else f"<{width} x {element}>"


def literal(x: float, element: str) -> str:
    """A constant in LLVM's writing; floats by their bits, float32 by those of the same float64."""
    if element not in FLOATS:
        return str(int(x))
    if element == "float":
        (x,) = struct.unpack("<f", struct.pack("<f", x))
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def suffix(element: str, width: int) -> str:
    """How LLVM's intrinsics call a type: f64, v8f64, i64, ..."""
    short = {"double": "f64", "float": "f32"}.get(element, element)
    return short if width == 1 else f"v{width}{short}"


@dataclass(frozen=True, eq=False, slots=True)
class Lanes:
    """One SSA value of `width` lanes: `element` is double, float, i64, i32, i8 or i1."""

    code: Code
    element: str
    width: int
    name: str

    @property
    def type(self) -> str:
        return typed(self.element, self.width)

    def constant(self, x: float) -> Lanes:
        """The same number in every lane, of this type."""
        return constant(self.code, self.element, self.width, x)

    def _like(self, other: Lanes | float) -> Lanes:
        return other if isinstance(other, Lanes) else self.constant(other)

    def _binary(self, float_op: str, int_op: str, other: Lanes | float) -> Lanes:
        op = float_op if self.element in FLOATS else int_op
        y = self._like(other)
        return self._made(f"{op} {self.type} {self.name}, {y.name}")

    def _made(self, instruction: str) -> Lanes:
        return self.code.value(self.element, self.width, instruction)

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._binary("fadd", "add", other)

    def __radd__(self, other: float) -> Lanes:
        return self.constant(other) + self

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._binary("fsub", "sub", other)

    def __rsub__(self, other: float) -> Lanes:
        return self.constant(other) - self

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._binary("fmul", "mul", other)

    def __rmul__(self, other: float) -> Lanes:
        return self.constant(other) * self

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._binary("fdiv", "sdiv", other)

    def __rtruediv__(self, other: float) -> Lanes:
        return self.constant(other) / self

    def __neg__(self) -> Lanes:
        if self.element not in FLOATS:
            return 0 - self
        if self.width == 1:
            return self._made(f"fneg {self.type} {self.name}")
        integer, sign = SIGNS[self.element]
        return (self.cast("bitcast", integer) ^ sign).cast("bitcast", self.element)

    def __and__(self, other: Lanes | int) -> Lanes:
        return self._binary("", "and", other)

    def __or__(self, other: Lanes | int) -> Lanes:
        return self._binary("", "or", other)

    def __xor__(self, other: Lanes | int) -> Lanes:
        return self._binary("", "xor", other)

    def __invert__(self) -> Lanes:
        return self ^ (1 if self.element == "i1" else -1)

    def __lshift__(self, count: int) -> Lanes:
        return self._binary("", "shl", count)

    def __rshift__(self, count: int) -> Lanes:
        """Arithmetic: the sign stays."""
        return self._binary("", "ashr", count)

    def compare(self, relation: str, other: Lanes | float) -> Lanes:
        """A truth value a lane; `relation` is lt, le, gt, ge, eq or ne, as IEEE 754 has them."""
        y = self._like(other)
        if self.element in FLOATS:
            test = f"fcmp {'une' if relation == 'ne' else 'o' + relation}"
        else:
            unsigned = "u" if self.element == "i1" else "s"
            test = f"icmp {relation if relation in ('eq', 'ne') else unsigned + relation}"
        return self.code.value("i1", self.width, f"{test} {self.type} {self.name}, {y.name}")

    def __lt__(self, other: Lanes | float) -> Lanes:
        return self.compare("lt", other)

    def __gt__(self, other: Lanes | float) -> Lanes:
        return self.compare("gt", other)

    def is_nan(self) -> Lanes:
        return self.compare("ne", self)

    def choose(self, yes: Lanes | float, no: Lanes | float) -> Lanes:
        """`yes` where this truth value holds, `no` elsewhere; one of them must be Lanes."""
        like = yes if isinstance(yes, Lanes) else no
        assert isinstance(like, Lanes)
        a, b = like._like(yes), like._like(no)
        return like._made(f"select {self.type} {self.name}, {a.type} {a.name}, {b.type} {b.name}")

    def intrinsic(self, name: str, *others: Lanes | float) -> Lanes:
        """One of LLVM's own functions of operands of this type: sqrt, fabs, fma, ..."""
        values = [self, *map(self._like, others)]
        full = f"llvm.{name}.{suffix(self.element, self.width)}"
        self.code.module.declare(full, self.type, [v.type for v in values])
        operands = ", ".join(f"{v.type} {v.name}" for v in values)
        return self._made(f"call {self.type} @{full}({operands})")

    def fma(self, y: Lanes | float, z: Lanes | float) -> Lanes:
        """self * y + z, rounded once."""
        return self.intrinsic("fma", y, z)

    def abs(self) -> Lanes:
        return self.intrinsic("fabs")

    def cast(self, how: str, element: str) -> Lanes:
        """LLVM's conversion of this name: bitcast, fpext, sitofp, ..."""
        target = typed(element, self.width)
        return self.code.value(element, self.width, f"{how} {self.type} {self.name} to {target}")

    def bits(self) -> Lanes:
        """The bits of a double as an integer."""
        return self.cast("bitcast", "i64")

    def double(self) -> Lanes:
        """The double that has these bits."""
        return self.cast("bitcast", "double")

    def any(self) -> str:
        """Whether a truth value holds in some lane, as an i1 to branch on."""
        if self.width == 1:
            return self.name
        whole = f"llvm.vector.reduce.or.{suffix('i1', self.width)}"
        self.code.module.declare(whole, "i1", [self.type])
        return self.code.define(f"call i1 @{whole}({self.type} {self.name})")

    def lookup(self, table: str, offset: int) -> Lanes:
        """The doubles at these places (plus `offset`) of a table."""
        place = self + offset if offset else self
        pointers = typed("ptr", self.width)
        at = self.code.define(f"getelementptr double, ptr {table}, {place.type} {place.name}")
        result = typed("double", self.width)
        if self.width == 1:
            return self.code.value("double", 1, f"load double, ptr {at}")
        name = f"llvm.masked.gather.{suffix('double', self.width)}.v{self.width}p0"
        mask = f"<{self.width} x i1>"
        self.code.module.declare(name, result, [pointers, "i32", mask, result])
        call = f"call {result} @{name}({pointers} {at}, i32 8, {mask} splat (i1 true), "
        return self.code.value("double", self.width, f"{call}{result} zeroinitializer)")


def constant(code: Code, element: str, width: int, x: float) -> Lanes:
    """A number in every lane.

    Vectors are loaded, and their signs turned as those of integers: where raw code has a vector as
    a literal, or an fneg of one, LLVM selects all instructions of the block in its slow way, which
    takes five times as long. The optimiser finds the literals again.
    """
    text = literal(x, element)
    if element == "i1":
        text = "true" if x else "false"
        return Lanes(code, element, width, text if width == 1 else f"splat (i1 {text})")
    if width > 1:
        type = typed(element, width)
        text = code.reuse(f"load {type}, ptr {code.module.vector(type, element, text)}, align 64")
    return Lanes(code, element, width, text)


def spread(x: Lanes, width: int) -> Lanes:
    """A number in every lane of a vector."""
    vector = typed(x.element, width)
    one = x.code.define(f"insertelement {vector} poison, {x.type} {x.name}, i32 0")
    lanes = f"<{width} x i32> zeroinitializer"
    return x.code.value(x.element, width, f"shufflevector {vector} {one}, {vector} poison, {lanes}")


def in_memory(name: str) -> str:
    """What an element is in memory: bools are bytes there."""
    return "i8" if name == "i1" else name


def from_memory(x: Lanes, name: str) -> Lanes:
    """What was loaded as an element in memory, as one in registers."""
    return x.compare("ne", 0) if name == "i1" else x


def to_memory(x: Lanes) -> Lanes:
    """The opposite."""
    return x.cast("zext", "i8") if x.element == "i1" else x


def polynomial(x: Lanes, coefficients: list[float]) -> Lanes:
    """c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule with one rounding a step."""
    result = x.constant(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = result.fma(x, c)
    return result


def nearest(x: Lanes) -> tuple[Lanes, Lanes]:
    """The nearest integer of |x| < 2^51: as a double, and as an int64."""
    shifted = x + TO_INTEGER
    (bits,) = struct.unpack("<q", struct.pack("<d", TO_INTEGER))
    return shifted - TO_INTEGER, shifted.bits() - bits


def fast_two_sum(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """a + b as a rounded sum and its error, for |a| >= |b| (Dekker 1971)."""
    total = a + b
    return total, b - (total - a)


def two_sum(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """a + b as a rounded sum and its error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Lanes, b: Lanes | float) -> tuple[Lanes, Lanes]:
    """a b as a rounded product and its error."""
    product = a * b
    return product, a.fma(b, -product)


def power_of_two(n: Lanes) -> Lanes:
    """2^n for the exponents of normal doubles."""
    return ((n + 1023) << 52).double()


def scale(x: Lanes, n: Lanes) -> Lanes:
    """x 2^n for |n| < 2000, rounded once: in two steps, the first of which is exact."""
    half = n >> 1
    return (x * power_of_two(half)) * power_of_two(n - half)


def define(module: Module, name: str, width: int, formula: Any, arity: int) -> str:
    """The function of doubles that a formula describes, written once; returns its name."""
    full = f"adglot.{name}.{width}"
    if full not in module.parts:
        module.parts[full] = ""  # the place is taken before the formula asks for others
        code = Code(module)
        operands = [Lanes(code, "double", width, f"%x{i}") for i in range(arity)]
        result = formula(*operands)
        head = ", ".join(f"{x.type} {x.name}" for x in operands)
        body = "\n".join(code.lines)
        module.parts[full] = (
            f"define internal {result.type} @{full}({head}) noinline nounwind {{\nentry:\n{body}\n"
            f"ret {result.type} {result.name}\n}}"
        )
    return full


def call(name: str, formula: Any, *operands: Lanes) -> Lanes:
    """Call a formula of doubles as a function of its own."""
    x = operands[0]
    full = define(x.code.module, name, x.width, formula, len(operands))
    given = ", ".join(f"{v.type} {v.name}" for v in operands)
    return x.code.value("double", x.width, f"call {x.type} @{full}({given})")


RUN = "define zeroext i1 @run(i64 %points, ptr %data) nounwind"
"""The head of a kernel; that its result fills a register, LLVM's fast way takes for granted."""


def take(code: Code, count: int) -> None:
    """Read the addresses that a kernel is given: `%a0` and so on."""
    for k in range(count):
        at = code.define(f"getelementptr ptr, ptr %data, i64 {k}")
        code.emit(f"%a{k} = load ptr, ptr {at}")
