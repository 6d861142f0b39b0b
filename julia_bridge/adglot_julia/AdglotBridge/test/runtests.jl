# Every sample of the op table gives NumPy's value. The samples come from
# `python -m adglot_julia.samples FILE`, whose path is the first argument.

using Test
import AdglotBridge

include("samples.jl")

# LAPACK's choice of sign or phase differs between its builds.
const FACTORS = ("linalg.qr", "linalg.eigh", "linalg.eig", "linalg.svd")

op_name(sample) = first(split(sample.name, '['))
agreeing(sample) = op_name(sample) in FACTORS ? same_but_for_phases : same

function values_of(sample)
    program = AdglotBridge.Program(sample.graph)
    return Base.invokelatest(program.run, program.constants, sample.inputs...)
end

@testset "forward values" begin
    @testset "$(sample.name)" for sample in read_samples(first(ARGS))
        if haskey(AdglotBridge.OPS, op_name(sample))
            @test all(splat(agreeing(sample)), zip(values_of(sample), sample.outputs))
        else
            @test_throws AdglotBridge.LackingOp values_of(sample)
        end
    end
end

@testset "an engine without its package" begin
    absent = AdglotBridge.Engine(; packages = ["Absent"], backend = identity)
    @test occursin(r"^needs Absent: julia --project=.* -e 'import Pkg; Pkg.add\(\[\"Absent\"\]\)'$", AdglotBridge.reason(absent))
    @test AdglotBridge.versions(absent) == "DifferentiationInterface $(AdglotBridge.version("DifferentiationInterface"))"
end
