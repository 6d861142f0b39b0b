"""
Answers derivatives of adglot's graphs by Julia's AD packages, through DifferentiationInterface.

A graph comes as the bytes of `adglot.v1.Graph` (protobuf.jl, graph.jl), becomes one Julia function
(ops.jl, lowering.jl, program.jl), and is differentiated (operators.jl, engines.jl). sparse.jl has the
sparse matrices, bridge.jl what the Python side calls.
"""
module AdglotBridge

import ADTypes
import DifferentiationInterface as DI
import PrecompileTools
import SpecialFunctions
import TOML
using LinearAlgebra
using SparseArrays

include("protobuf.jl")
include("graph.jl")
include("scalars.jl")
include("complex.jl")
include("arrays.jl")
include("linear.jl")
include("lowering.jl")
include("ops.jl")
include("program.jl")
include("memory.jl")
include("operators.jl")
include("engines.jl")
include("sparse.jl")
include("bridge.jl")
include("rehearsal.jl")

PrecompileTools.@compile_workload begin
    rehearse(@__MODULE__, "", [:evaluate])
    describe()
end

end
