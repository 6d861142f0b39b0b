# The operators of DifferentiationInterface behind one pair of functions: prepare, then answer.
#
# `answer` gives y and the derivative: a tuple of flat vectors, one a seed (jvp, vjp, hvp), a flat
# vector (gradient) or a matrix (jacobian, hessian).

"A request for one operator of a graph; `wrt`, `of` count from 1; 0 `seeds` or `points`: no axis."
struct Request
    operator::Symbol
    wrt::Vector{Int}
    of::Vector{Int}
    mode::String
    seeds::Int
    points::Int
    sparse::Bool
end

prepare(::Val{:jvp}, f, backend, x, seeds, contexts...) =
    DI.prepare_pushforward(f, backend, x, seeds, contexts...)
prepare(::Val{:vjp}, f, backend, x, seeds, contexts...) =
    DI.prepare_pullback(f, backend, x, seeds, contexts...)
prepare(::Val{:gradient}, f, backend, x, seeds, contexts...) =
    DI.prepare_gradient(f, backend, x, contexts...)
prepare(::Val{:jacobian}, f, backend, x, seeds, contexts...) =
    DI.prepare_jacobian(f, backend, x, contexts...)
prepare(::Val{:hvp}, f, backend, x, seeds, contexts...) =
    DI.prepare_hvp(f, backend, x, seeds, contexts...)
prepare(::Val{:hessian}, f, backend, x, seeds, contexts...) =
    DI.prepare_hessian(f, backend, x, contexts...)

answer(::Val{:jvp}, f, prep, backend, x, seeds, contexts...) =
    DI.value_and_pushforward(f, prep, backend, x, seeds, contexts...)
answer(::Val{:vjp}, f, prep, backend, x, seeds, contexts...) =
    DI.value_and_pullback(f, prep, backend, x, seeds, contexts...)
answer(::Val{:gradient}, f, prep, backend, x, seeds, contexts...) =
    DI.value_and_gradient(f, prep, backend, x, contexts...)
answer(::Val{:jacobian}, f, prep, backend, x, seeds, contexts...) =
    DI.value_and_jacobian(f, prep, backend, x, contexts...)

answer(::Val{:hvp}, f, prep, backend, x, seeds, contexts...) =
    f(x, map(DI.unwrap, contexts)...), DI.hvp(f, prep, backend, x, seeds, contexts...)

function answer(::Val{:hessian}, f, prep, backend, x, seeds, contexts...)
    y, _, matrix = DI.value_gradient_and_hessian(f, prep, backend, x, contexts...)
    return y, matrix
end

"HVP of a package whose own is not accurate: its Hessian times the seeds."
struct ByHessian{B}
    backend::B
end

prepare(::Val{:hvp}, f, by::ByHessian, x, seeds, contexts...) =
    DI.prepare_hessian(f, by.backend, x, contexts...)

function answer(::Val{:hvp}, f, prep, by::ByHessian, x, seeds, contexts...)
    y, _, matrix = DI.value_gradient_and_hessian(f, prep, by.backend, x, contexts...)
    return y, map(v -> matrix * v, seeds)
end
