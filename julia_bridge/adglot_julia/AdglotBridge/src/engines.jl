# The AD packages, by the names of their engines: how each is loaded, and its backends.
#
# To add one: a line in ENGINES, the package in Project.toml's weakdeps and extras, and, where its
# numbers are not plain ones, an extension that says `primal` (ext/).

"""
An engine.

- `packages`: what is imported before it can be used
- `backend(operator, mode)`: the backend of DifferentiationInterface
- `operators`: those it answers
- `modes`: the directions it goes
- `typed`: whether it needs a function of a type of its own; else all graphs share the code that
  differentiates them (`Bound`)
- `records`: whether its preparation keeps the numbers of what is constant, so that it holds for
  these only
- `complex`: whether it takes graphs with complex numbers
- `ruled`: whether it has rules of whole factorizations, or needs none
- `real`: ops whose derivatives it has for real numbers only, and elsewhere is wrong or ends the
  process
- `smooth`: whether it only takes ops that decide nothing: a tape that is run again does not look
- `sparse`: the operators that DI's AutoSparse answers by it; the others get coloured seeds
- `experimental`: why not to rely on it, where that is so
"""
Base.@kwdef struct Engine
    packages::Vector{String}
    backend::Function
    operators::Vector{Symbol} = ALL
    modes::Vector{String} = ["forward"]
    typed::Bool = false
    records::Bool = false
    complex::Bool = true
    ruled::Bool = false
    real::Vector{String} = String[]
    smooth::Bool = false
    sparse::Vector{Symbol} = Symbol[]
    experimental::String = ""
end

const FIRST_ORDER = [:jvp, :vjp, :gradient, :jacobian]
const ALL = [FIRST_ORDER; :hvp; :hessian]
const MATRICES = [:jacobian, :hessian]

"""
LinearAlgebra takes another way for diagonal matrices here. Who follows it gives derivatives for
these alone, without those by the zeros.
"""
const SHORTCUTS = ["linalg.eig", "linalg.pinv"]

package(name::String) = Base.loaded_modules[found(name)]

second(operator) = operator in (:hvp, :hessian)

"One backend for first order, another for second order."
orders(first, above) = (operator, mode) -> second(operator) ? above() : first()

forward_over(inner) = () -> DI.SecondOrder(ADTypes.AutoForwardDiff(), inner())

function enzyme(operator, mode)
    e = package("Enzyme")
    auto(mode) = ADTypes.AutoEnzyme(; mode)
    # Which arrays are active is not always known of a derivative before it runs.
    second(operator) &&
        return DI.SecondOrder(auto(e.set_runtime_activity(e.Forward)), auto(e.set_runtime_activity(e.Reverse)))
    return auto(operator == :jvp || mode == "forward" ? e.Forward : e.Reverse)
end

finite_differences() =
    ADTypes.AutoFiniteDifferences(; fdm = package("FiniteDifferences").central_fdm(5, 1))

finite_diff(operator, mode) =
    operator == :hvp ? ByHessian(ADTypes.AutoFiniteDiff()) : ADTypes.AutoFiniteDiff()

reverse_diff() = ADTypes.AutoReverseDiff()
zygote() = ADTypes.AutoZygote()
function mooncake(operator, mode)
    forward, reverse = ADTypes.AutoMooncakeForward(), ADTypes.AutoMooncake()
    second(operator) && return DI.SecondOrder(forward, reverse)
    return mode == "forward" ? forward : reverse
end

chain_rules() = ADTypes.AutoChainRules(; ruleconfig = package("Zygote").ZygoteRuleConfig())

const ENGINES = Dict{String,Engine}(
    "ForwardDiff" => Engine(; packages = ["ForwardDiff"], backend = (_, _) -> ADTypes.AutoForwardDiff(), sparse = MATRICES),
    "FiniteDiff" => Engine(; packages = ["FiniteDiff"], backend = finite_diff, ruled = true, sparse = [:jacobian]),
    "FiniteDifferences" => Engine(; packages = ["FiniteDifferences"], backend = (_, _) -> finite_differences(), ruled = true, sparse = MATRICES),
    "ReverseDiff" => Engine(; packages = ["ReverseDiff", "ForwardDiff"], backend = orders(reverse_diff, forward_over(reverse_diff)), modes = ["reverse"], complex = false, sparse = MATRICES),
    "ReverseDiff-tape" => Engine(; packages = ["ReverseDiff"], backend = (_, _) -> ADTypes.AutoReverseDiff(; compile = true), operators = FIRST_ORDER, modes = ["reverse"], records = true, complex = false, smooth = true),
    "Zygote" => Engine(; packages = ["Zygote", "ForwardDiff"], backend = orders(zygote, forward_over(zygote)), modes = ["reverse"], ruled = true, sparse = MATRICES),
    "Mooncake" => Engine(; packages = ["Mooncake"], backend = mooncake, modes = ["reverse", "forward"], typed = true, sparse = MATRICES),
    "Tracker" => Engine(; packages = ["Tracker"], backend = (_, _) -> ADTypes.AutoTracker(), operators = FIRST_ORDER, modes = ["reverse"], complex = false, sparse = [:jacobian]),
    "ChainRules" => Engine(; packages = ["Zygote", "ForwardDiff"], backend = orders(chain_rules, forward_over(chain_rules)), modes = ["reverse"], ruled = true, sparse = MATRICES),
    "FastDifferentiation" => Engine(; packages = ["FastDifferentiation"], backend = (_, _) -> ADTypes.AutoFastDifferentiation(), records = true, complex = false),
    "HyperHessians" => Engine(; packages = ["HyperHessians"], backend = (_, _) -> ADTypes.AutoHyperHessians(), operators = [:hvp, :hessian]),
    "PolyesterForwardDiff" => Engine(; packages = ["PolyesterForwardDiff"], backend = (_, _) -> ADTypes.AutoPolyesterForwardDiff(), sparse = MATRICES),
    "GTPSA" => Engine(; packages = ["GTPSA"], backend = (_, _) -> ADTypes.AutoGTPSA(), sparse = MATRICES),
    "Symbolics" => Engine(; packages = ["Symbolics"], backend = (_, _) -> ADTypes.AutoSymbolics(), records = true, complex = false),
    "Diffractor" => Engine(; packages = ["Diffractor"], backend = (_, _) -> ADTypes.AutoDiffractor(), operators = FIRST_ORDER, experimental = "its releases keep breaking with DI's", ruled = true, sparse = [:jacobian]),
    "Enzyme" => Engine(; packages = ["Enzyme"], backend = enzyme, modes = ["forward", "reverse"], typed = true, real = ["linalg.cholesky", "linear_recurrence"], sparse = MATRICES),
)

"Raises ArgumentError for a graph that an engine would answer wrongly, or not survive."
function refuse(name::String, engine::Engine, graph::Graph)
    for g in with_subgraphs(graph)
        !engine.complex && any(is_complex, value_types(g)) &&
            throw(ArgumentError("$name is not right for complex numbers"))
        for node in g.nodes
            !engine.ruled && node.op in SHORTCUTS &&
                throw(ArgumentError("$name has no rule of $(node.op)"))
            node.op in engine.real && any(is_complex, node.outputs) &&
                throw(ArgumentError("$name is not right for $(node.op) of complex numbers"))
        end
    end
end

is_complex(type::TensorType) = type.dtype <: Complex

"Load the packages of an engine; empty, or what went wrong."
load(name::String) = guarded("load") do
    for p in ENGINES[name].packages
        Base.require(found(p))
    end
    ""
end

# ------------------------------------------------------------------ what there is

"""
A line an engine: its name, why it cannot be used, its version, and separated by blanks its
operators, its modes, its ops and its sparse operators.
"""
describe() = join(map(described, sort!(collect(keys(ENGINES)))), '\n')

function described(name::String)
    engine = ENGINES[name]
    lists = (["evaluate"; map(string, engine.operators)], engine.modes, ops_of(engine), engine.sparse)
    return join([name, reason(engine), versions(engine), map(l -> join(l, ' '), lists)...], '\x1f')
end

ops_of(engine::Engine) = sort!(collect(engine.smooth ? intersect(keys(OPS), SMOOTH) : keys(OPS)))

found(package::String) = Base.identify_package(package)

"Empty, or what installs the packages that are not here."
function reason(engine::Engine)
    missing = filter(p -> found(p) === nothing, engine.packages)
    isempty(missing) && return ""
    names = join(map(repr, missing), ", ")
    return "needs $(join(missing, ", ")): julia --project=$(dirname(Base.active_project())) " *
           "-e 'import Pkg; Pkg.add([$names])'"
end

"The versions of DifferentiationInterface and, last, of an engine's package, without loading it."
function versions(engine::Engine)
    packages = isempty(reason(engine)) ? [first(engine.packages)] : String[]
    told = join(("$p $(version(p))" for p in ["DifferentiationInterface"; packages]), ", ")
    return isempty(engine.experimental) ? told : "experimental ($(engine.experimental)): $told"
end

function version(package::String)
    path = Base.locate_package(found(package))
    project = joinpath(dirname(dirname(path)), "Project.toml")
    return get(TOML.parsefile(project), "version", "unknown")
end
