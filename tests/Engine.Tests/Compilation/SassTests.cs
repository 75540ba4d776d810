using VideoSim.Engine.Compilation;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>What the machine code of the kernels shows. Needs NVRTC and <c>nvdisasm</c>, no GPU.</summary>
public sealed class SassTests
{
    public static TheoryData<string> Architectures => [.. CompileGateTests.Architectures];

    // What a step of bf16 spends its time with, products of the library aside.
    [Theory]
    [InlineData("AttentionTensorCore.cu")]
    [InlineData("LayerNormPacked.cu")]
    [InlineData("VladTensorCore.cu")]
    [InlineData("TagLoss.cu")]
    [InlineData("CrossEntropy.cu")]
    [InlineData("PairLoss.cu")]
    [InlineData("Adam.cu")]
    [InlineData("Sgd.cu")]
    public void Kernels_OfAUnit_KeepNothingInLocalMemory(string source)
    {
        foreach (string architecture in CompileGateTests.Architectures)
        {
            var entries = Operations(architecture, kernel => kernel.Source == source);
            Assert.NotEmpty(entries);
            Assert.DoesNotContain(entries, static entry => entry.Value.Any(IsLocal));
        }
    }

    [Fact]
    public void Operations_ArrayIndexedByData_IsInLocalMemory()
    {
        CudaMachine.SkipWithoutNvrtc();
        Assert.SkipWhen(Disassembler.Problem is not null, Disassembler.Problem ?? "");
        var sources = new KernelSources([new("Local.cu", "extern \"C\" __global__ void local(int* x) { int seen[99] = {}; for (int i = 1; i < x[0]; i++) seen[x[i]] = i; x[0] = seen[x[1]]; }\n")]);
        Assert.Contains(Disassembler.Operations(new KernelCompiler(sources).Compile(new("Local.cu", [], []), "sm_90"))["local"], IsLocal);
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void TensorCoreKernels_Products_AreOfBFloat16WithSumsOfFloat32(string architecture)
    {
        var entries = Operations(architecture, static kernel => kernel.Source is "AttentionTensorCore.cu" or "VladTensorCore.cu" && kernel.Entry.EndsWith("_bf16", StringComparison.Ordinal));
        Assert.NotEmpty(entries);
        Assert.All(entries, static entry => Assert.Equal(["HMMA.16816.F32.BF16"], entry.Value.Where(static operation => Is(operation, "HMMA")).Distinct()));
    }

    // The least number of accesses of 16 bytes in the code of a lane.
    // Attention: a tensor has D / 16 of them. Forward reads Q, K, V, two tables of angles (half as much each) and
    // biases (6), and writes the result. Backward also reads dY, the old values of three gradients and angles for two
    // of them, and writes three gradients.
    //
    // LayerNorm: a row has 3. Forward reads x, residual and three vectors (6 each), and writes y. Backward reads dY
    // and y, recomputes s without weight and bias, and reads and writes two gradients.
    //
    // NeXtVLAD: forward begins to copy a tile's row of 2 at three places and writes both results. Backward reads PACKS
    // (or 6) of the Descriptor twice, 3 of dY at once and 12 of the centres. It writes 2 of dH and its old value, and
    // 12 of the centres' gradients.
    //
    // Adam: w, g, m, v. SGD: one less.
    //
    // Below 4 bytes, NeXtVLAD only: the one logit of a row in its group, and its gradient.
    [Theory]
    [InlineData("attention_forward_d32", 16, 2, 0)]
    [InlineData("attention_forward_d64", 26, 4, 0)]
    [InlineData("attention_backward_d32", 32, 6, 0)]
    [InlineData("attention_backward_d64", 58, 12, 0)]
    [InlineData("layer_norm_forward_bf16", 24, 3, 0)]
    [InlineData("layer_norm_backward_bf16", 24, 6, 0)]
    [InlineData("vlad_tensor_core_forward_bf16", 6, 2, 3)]
    [InlineData("vlad_tensor_core_backward_bf16", 32, 14, 4)]
    [InlineData("adam_f32", 4, 3, null)]
    [InlineData("sgd_f32", 3, 2, null)]
    public void Tensors_InGlobalMemory_AreAccessedBy16Bytes(string name, int loads, int stores, int? narrow)
    {
        foreach (string architecture in CompileGateTests.Architectures)
        {
            var entries = Operations(architecture, kernel => kernel.Entry.StartsWith(name, StringComparison.Ordinal) && kernel.Source != "Attention.cu");
            Assert.NotEmpty(entries);
            foreach (var (entry, operations) in entries)
            {
                string[] accesses = operations.Where(static operation => Is(operation, "LDG", "LDGSTS", "STG", "LD", "ST")).ToArray();
                string counts = $"{entry} for {architecture}: {string.Join(", ", accesses.CountBy(static access => access).Select(static count => $"{count.Value} {count.Key}"))}";
                Assert.True(accesses.Count(static access => IsWide(access) && !Is(access, "STG")) >= loads, counts);
                Assert.True(accesses.Count(static access => IsWide(access) && Is(access, "STG")) >= stores, counts);
                Assert.True(narrow is null || accesses.Count(static access => Has(access, "U8", "S8", "U16", "S16")) <= narrow, counts);
            }
        }
    }

    private static Dictionary<string, IReadOnlyList<string>> Operations(string architecture, Func<Kernel, bool> wanted)
    {
        var compiler = CudaMachine.Compiler;
        Assert.SkipWhen(Disassembler.Problem is not null, Disassembler.Problem ?? "");
        var entries = KernelUnit.Group(Catalog.Kernels).Where(unit => unit.Kernels.Any(wanted))
            .SelectMany(unit => Disassembler.Operations(compiler.Compile(unit, architecture)));
        var names = Catalog.Kernels.Where(wanted).Select(static kernel => kernel.Entry).ToHashSet();
        return entries.Where(entry => names.Contains(entry.Key)).ToDictionary();
    }

    private static bool IsLocal(string operation) => Is(operation, "LDL", "STL");

    private static bool Is(string operation, params ReadOnlySpan<string> names) => names.Contains(operation.Split('.')[0]);

    private static bool IsWide(string operation) => Has(operation, "128");

    private static bool Has(string operation, params ReadOnlySpan<string> modifiers)
    {
        foreach (string part in operation.Split('.'))
        {
            if (modifiers.Contains(part))
                return true;
        }
        return false;
    }
}
