# The op table: one line an op. Its name, the dtype its operands are cast to, its function.
#
# How to add one: write `"name" => how(function)`. `elementwise` broadcasts a function of numbers
# over operands in the dtype of the result; `measured` over operands as they are; `compared` and
# `logical` give Bool. Where attributes or shapes matter, write `Lowering(dtypes, build)`: `build`
# gets the node's site and its operands, and gives the expression of its value (lowering.jl).
# Shapes are reversed here: axis k of n is dimension n - k (graph.jl). Then run the tests: they
# compare every sample of the op with NumPy's value.

# ------------------------------------------------------------------ kinds of lines

broadcasting(f) = (site, operands...) -> call(each, f, operands...)
elementwise(f) = Lowering(as_result, broadcasting(f))
measured(f) = Lowering(own, broadcasting(f))
compared(f) = Lowering(as_common, broadcasting(Test(f)))
logical(f) = Lowering(as_bool, broadcasting(f))
nan_where(outside, f) = elementwise(NaNWhere(outside, f))
by_parts(f, parts) = Lowering(as_result, (site, x) -> call(each, is_complex(site) ? ByParts(f, parts) : f, x))
of_order(f) = Lowering(as_result, (site, x) -> cast_call(site, call(each, OfOrder(f, attribute(site, "order")), x)))
reduction(f, dtypes = as_result) = Lowering(dtypes, (site, x) -> reduction_call(site, f, x))
position_of(ahead) = Lowering(own, (site, x) -> position_call(site, ahead, x))
run_along(f) = Lowering(as_result, (site, x) -> run_call(site, f, x))
over_stacks(f, ranks...) = Lowering(as_float, (site, xs...) -> stack_call(site, f, ranks, 1, xs...))
factors(f, count) = Lowering(as_float, (site, a) -> factors_call(site, f, count, a))
moved(ranges) = Lowering(own, (site, x) -> ndims(result(site)) == 0 ? x : call(part, ranges(site), x))
masked(keep) = Lowering(own, (site, x) -> masked_call(site, keep, x))

# ------------------------------------------------------------------ what they build

is_complex(site::Site) = result(site).dtype <: Complex
dimension(site::Site, axis::Int) = ndims(site.inputs[1]) - axis

function reduction_call(site::Site, f, x)
    n, axes = ndims(site.inputs[1]), attribute(site, "axes")
    isempty(axes) && return x
    length(axes) == n && return call(reduced, f, x)
    return call(reduced_along, f, Tuple(n .- reverse(axes)), result(site).dims, x)
end

function position_call(site::Site, ahead, x)
    dim = dimension(site, attribute(site, "axis"))
    return call(frozen, positions, ahead, dim, result(site).dims, x)
end

run_call(site::Site, f, x) =
    call(attribute(site, "reverse") ? running_back : running, f, dimension(site, attribute(site, "axis")), x)

function recurrence_call(site::Site, a, b)
    dim, n = dimension(site, attribute(site, "axis")), ndims(result(site))
    front = (setdiff(1:n, dim)..., dim)
    steps = last(result(site).dims[[front...]])
    order = attribute(site, "reverse") ? (steps:-1:1) : (1:1:steps)
    return call(recurrence_along, front, Tuple(invperm([front...])), order, a, b)
end

"One output of a function of matrices, over stacks; `ranks` are those of one item."
function stack_call(site::Site, f, ranks, output, xs...)
    lead, dims = stack_dims(site, ranks), site.node.outputs[output].dims
    lead == () && return call(f, xs...)
    known(array) = constant!(site.environment, array)
    prod(lead) == 0 && return known(zeros(site.node.outputs[output].dtype, dims))
    numbers = map(stack -> known(item_numbers(stack, lead)), stacks(site, ranks))
    return call(stacked, f, map(Val, ranks), Expr(:tuple, numbers...), dims, xs...)
end

"How the items of each operand are stacked, and the results."
stacks(site::Site, ranks) = [t.dims[(rank + 1):end] for (t, rank) in zip(site.inputs, ranks)]
stack_dims(site::Site, ranks) = Base.Broadcast.broadcast_shape(stacks(site, ranks)...)

"All outputs of a factorization: at once of one matrix, one by one over a stack."
function factors_call(site::Site, f, count, a)
    stack_dims(site, (2,)) == () && return call(f, a)
    return Expr(:tuple, (stack_call(site, Nth{k}(f), (2,), k, a) for k in 1:count)...)
end

item_rank(type::TensorType) = min(ndims(type), 2)
matmul_call(site::Site, x1, x2) = stack_call(site, multiplied, map(item_rank, Tuple(site.inputs)), 1, x1, x2)

"A right-hand side is a column where it has one axis, and a stack of matrices otherwise."
solve_call(site::Site, f, a, b) = stack_call(site, f, (2, item_rank(site.inputs[2])), 1, a, b)

function triangular_call(site::Site, a, b)
    how = triangular(attribute(site, "lower"), attribute(site, "unit_diagonal"))
    return solve_call(site, TriangularSolve{how,attribute(site, "adjoint")}(), a, b)
end

function masked_call(site::Site, keep, x)
    dims, k = result(site).dims, attribute(site, "diagonal")
    mask = [keep(i[1] - i[2], k) for i in CartesianIndices(dims)]
    return call(each, choose, constant!(site.environment, mask), x, zero(result(site).dtype))
end

function joined_call(site::Site, xs...)
    dim = dimension(site, attribute(site, "axis"))
    behind = call(vcat, (call(flat, x) for x in xs)...)
    dim == ndims(result(site)) && return call(shaped, result(site).dims, behind)
    starts = cumsum([0; [length(t) for t in site.inputs]])
    numbered = [places(t.dims) .+ start for (t, start) in zip(site.inputs, starts)]
    return call(gather, behind, constant!(site.environment, cat(numbered...; dims = dim)))
end

function padded_call(site::Site, x)
    low, interior = reverse(attribute(site, "low")), reverse(attribute(site, "interior"))
    source, target = site.inputs[1].dims, result(site).dims
    source == target && return x
    indices = fill(prod(source) + 1, target)
    block = (range(l + 1; step = i + 1, length = n) for (l, i, n) in zip(low, interior, source))
    indices[block...] = places(source)
    return call(gather_filled, constant!(site.environment, indices), zero(result(site).dtype), x)
end

slice_ranges(site::Site) = Tuple(
    (a + 1):c:b for (a, b, c) in zip(map(k -> reverse(attribute(site, k)), ("start", "stop", "strides"))...)
)

flip_ranges(site::Site) = Tuple(
    (ndims(result(site)) - d) in attribute(site, "axes") ? (n:-1:1) : (1:1:n) for
    (d, n) in enumerate(result(site).dims)
)

permutation(axes) = Tuple(length(axes) .- reverse(axes))
permuted_call(site::Site, x) =
    isempty(attribute(site, "axes")) ? x : call(permutedims, x, permutation(attribute(site, "axes")))

broadcast_call(site::Site, x) =
    call(each, *, x, constant!(site.environment, fill(true, result(site).dims)))

inner_dims(site::Site, indices) = ndims(site.inputs[1]) - attribute(site, "axis") - length(indices)

taken_call(site::Site, x, indices...) = call(
    gather, x,
    call(frozen, taken, site.inputs[1].dims, inner_dims(site, indices), result(site).dims, indices...),
)

scattered_call(site::Site, x, updates, indices...) =
    call(scattered, inner_dims(site, indices), x, updates, indices...)

scattered_added_call(site::Site, x, updates, indices...) = call(
    scattered_added, inner_dims(site, indices), zero(result(site).dtype), x, updates, indices...
)

dynamic_call(site::Site, x, starts...) =
    isempty(starts) ? x : call(dynamic_part, result(site).dims, x, starts...)

dynamic_written_call(site::Site, x, update, starts...) =
    isempty(starts) ? update : call(dynamic_written, x, update, starts...)

function power_call(site::Site, x, exponent)
    n = site.known[2]
    exact = n isa Real && isinteger(n) && abs(n) <= 64 && !(result(site).dtype <: Integer)
    return exact ? call(each, Power(Int(n)), x) : call(each, power, x, exponent)
end

"Julia's own extreme of real numbers, one by NumPy's order of complex ones."
extreme(site::Site, f, by) = is_complex(site) ? Extreme(by) : f

"Of a real x zero: `false` times anything."
imag_call(site::Site, x) =
    only(site.inputs).dtype <: Complex ? call(each, imag, x) : call(each, *, x, false)

cast_call(site::Site, x) = call(each, Cast{result(site).dtype}(), x)
number_line(site::Site) = cast.(result(site).dtype, collect(0:(attribute(site, "size") - 1)))

# ------------------------------------------------------------------ the table

const OPS = Dict{String,Lowering}(
    # values
    "constant" => Lowering(own, site -> constant!(site.environment, attribute(site, "value"))),
    "iota" => Lowering(own, site -> constant!(site.environment, number_line(site))),
    "convert_element_type" => Lowering(own, cast_call),
    # elementwise, one operand
    "negative" => elementwise(-),
    "abs" => measured(abs),
    "sign" => measured(signed),
    "exp" => by_parts(exp, exp_parts),
    "expm1" => by_parts(expm1, expm1_parts),
    "log" => nan_where(<(0), log),
    "log1p" => nan_where(<(-1), log1p),
    "sqrt" => by_parts(NaNWhere(<(0), sqrt), sqrt_parts),
    "sin" => by_parts(NaNWhere(isinf, sin), sin_parts),
    "cos" => by_parts(NaNWhere(isinf, cos), cos_parts),
    "tan" => nan_where(isinf, tan),
    "asin" => by_parts(NaNWhere(x -> abs(x) > 1, asin), asin_parts),
    "acos" => by_parts(NaNWhere(x -> abs(x) > 1, acos), acos_parts),
    "atan" => by_parts(atan, atan_parts),
    "sinh" => by_parts(sinh, sinh_parts),
    "cosh" => by_parts(cosh, cosh_parts),
    "tanh" => elementwise(tanh),
    "asinh" => by_parts(asinh, asinh_parts),
    "acosh" => by_parts(NaNWhere(<(1), acosh), acosh_parts),
    "atanh" => by_parts(NaNWhere(x -> abs(x) > 1, atanh), atanh_parts),
    "floor" => elementwise(Stepwise(floor)),
    "ceil" => elementwise(Stepwise(ceil)),
    "trunc" => elementwise(Stepwise(trunc)),
    "round" => elementwise(Stepwise(round)),
    "isfinite" => measured(Test(isfinite)),
    "logical_not" => logical(!),
    "real" => measured(real),
    "imag" => Lowering(own, imag_call),
    "conj" => measured(conj),
    # elementwise, two and three operands
    "add" => elementwise(+),
    "subtract" => elementwise(-),
    "multiply" => elementwise(*),
    "divide" => elementwise(/),
    "equal" => compared(==),
    "not_equal" => compared(!=),
    "less" => compared(precedes),
    "less_equal" => compared((a, b) -> precedes(a, b) || a == b),
    "greater" => compared((a, b) -> precedes(b, a)),
    "greater_equal" => compared((a, b) -> precedes(b, a) || a == b),
    "logical_and" => logical(&),
    "logical_or" => logical(|),
    "logical_xor" => logical(xor),
    "where" => Lowering(as_choice, broadcasting(choose)),
    "pow" => Lowering(as_result, power_call),
    "floor_divide" => elementwise(Stepwise(floor_divide)),
    "remainder" => elementwise(modulo),
    "maximum" => elementwise(larger),
    "minimum" => elementwise(smaller),
    "hypot" => elementwise(hypot),
    "atan2" => elementwise(atan),
    "logaddexp" => elementwise(log_add_exp),
    # special functions
    "special.erf" => elementwise(SpecialFunctions.erf),
    "special.erfc" => elementwise(SpecialFunctions.erfc),
    "special.erfinv" => nan_where(x -> abs(x) > 1, SpecialFunctions.erfinv),
    "special.ndtri" => nan_where(p -> !(0 <= p <= 1), normal_quantile),
    "special.log_ndtr" => elementwise(log_normal_distribution),
    "special.expit" => elementwise(expit),
    "special.gamma" => nan_where(at_pole, SpecialFunctions.gamma),
    "special.gammaln" => elementwise(log_gamma),
    "special.digamma" => nan_where(at_pole, SpecialFunctions.digamma),
    "special.polygamma" => of_order(SpecialFunctions.polygamma),
    "special.jv" => of_order(SpecialFunctions.besselj),
    "special.yv" => of_order(SpecialFunctions.bessely),
    "special.iv" => of_order(SpecialFunctions.besseli),
    "special.ive" => of_order(SpecialFunctions.besselix),
    "special.kv" => of_order(SpecialFunctions.besselk),
    "special.xdivy" => elementwise(quotient_or_zero),
    # reductions
    "sum" => reduction(sum),
    "prod" => reduction(prod),
    "max" => Lowering(own, (site, x) -> reduction_call(site, extreme(site, maximum, larger), x)),
    "min" => Lowering(own, (site, x) -> reduction_call(site, extreme(site, minimum, smaller), x)),
    "any" => reduction(any, as_bool),
    "all" => reduction(all, as_bool),
    "argmax" => position_of((a, b) -> precedes(b, a)),
    "argmin" => position_of(precedes),
    # shapes
    "reshape" => Lowering(own, (site, x) -> call(shaped, result(site).dims, x)),
    "permute_dims" => Lowering(own, permuted_call),
    "broadcast_to" => Lowering(own, broadcast_call),
    "concat" => Lowering(as_result, joined_call),
    "flip" => moved(flip_ranges),
    "slice" => moved(slice_ranges),
    "pad" => Lowering(own, padded_call),
    "tril" => masked((above, k) -> above <= k),
    "triu" => masked((above, k) -> above >= k),
    # indices
    "take" => Lowering(own, taken_call),
    "scatter" => Lowering(own, scattered_call),
    "scatter_add" => Lowering(own, scattered_added_call),
    "dynamic_slice" => Lowering(own, dynamic_call),
    "dynamic_update_slice" => Lowering(own, dynamic_written_call),
    # order and runs
    "sort" => Lowering(own, (site, x) -> call(sorted, dimension(site, attribute(site, "axis")), x)),
    "argsort" => Lowering(own, (site, x) -> call(argsorted, dimension(site, attribute(site, "axis")), x)),
    "cumulative_sum" => run_along(cumsum),
    "cumulative_prod" => run_along(cumprod),
    "linear_recurrence" => Lowering(as_result, recurrence_call),
    # linear algebra
    "matmul" => Lowering(as_result, matmul_call),
    "linalg.solve" => Lowering(as_float, (site, a, b) -> solve_call(site, solved, a, b)),
    "linalg.triangular_solve" => Lowering(as_float, triangular_call),
    "linalg.inv" => over_stacks(inverse, 2),
    "linalg.det" => over_stacks(determinant, 2),
    "linalg.pinv" => Lowering(as_float, (site, a) -> stack_call(site, PseudoInverse(attribute(site, "rcond")), (2,), 1, a)),
    "linalg.cholesky" => over_stacks(cholesky_factor, 2),
    "linalg.slogdet" => factors(sign_and_logarithm, 2),
    "linalg.qr" => factors(orthogonal_triangular, 2),
    "linalg.eigh" => factors(eigen_hermitian, 2),
    "linalg.eig" => factors(eigen_general, 2),
    "linalg.svd" => factors(singular_values, 3),
    # sub-graphs
    "call" => Lowering(own, (site, xs...) -> inlined(site, "function", xs...)),
    "custom_derivative" => Lowering(own, (site, xs...) -> inlined(site, "function", xs...)),
    "cond" => Lowering(own, branched),
    "scan" => Lowering(own, scanned),
    "while_loop" => Lowering(own, looped),
)

"Ops whose value takes the same path at every point: no comparison, no choice, no sub-graph."
const SMOOTH = Set([
    "constant", "iota", "negative", "exp", "expm1", "atan", "sinh", "cosh", "tanh", "asinh",
    "real", "add", "subtract", "multiply", "divide", "sum", "reshape", "permute_dims",
    "broadcast_to", "concat", "flip", "slice", "pad", "matmul",
])
