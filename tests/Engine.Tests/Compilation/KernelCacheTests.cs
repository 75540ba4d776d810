using VideoSim.Engine.Compilation;
using VideoSim.Engine.Tests.Cuda;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

public sealed class KernelCacheTests : IDisposable
{
    private const string Source = "#include \"Width.cuh\"\nextern \"C\" __global__ void width(int* x) { *x = WIDTH + FACTOR; }\n";

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    private CacheFolder Cache => new(_root, "cache");

    private string Folder => Cache.FullPath;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void GetOrAdd_ByAnotherProcess_IsMadeOnce()
    {
        var image = Image(7);
        int made = 0;
        for (int i = 0; i < 3; i++)
        {
            var found = new KernelCache(Cache).GetOrAdd("key", () =>
            {
                made++;
                return image;
            });
            Assert.Equal(image.Code, found.Code);
            Assert.Equal((image.Log, image.Resources["entry"]), (found.Log, found.Resources["entry"]));
        }
        Assert.Equal(1, made);
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("cut short")]
    [InlineData("a bit of the code")]
    [InlineData("a bit of the checksum")]
    [InlineData("another version")]
    [InlineData("another key")]
    public void GetOrAdd_DamagedEntry_IsMadeAgain(string damage)
    {
        var cache = new KernelCache(Cache);
        cache.GetOrAdd("key", static () => Image(1));
        string file = Directory.GetFiles(Folder).Single();
        byte[] whole = File.ReadAllBytes(file), bytes = [.. whole];
        switch (damage)
        {
            case "empty":
                bytes = [];
                break;
            case "cut short":
                bytes = bytes[..^1];
                break;
            case "a bit of the code":
                bytes[^1] ^= 1;
                break;
            case "a bit of the checksum":
                bytes[30] ^= 1;
                break;
            case "another version":
                bytes[22] ^= 3;
                break;
            default:
                cache.GetOrAdd("other", static () => Image(2));
                bytes = File.ReadAllBytes(Path.Combine(Folder, "other.image"));
                break;
        }
        File.WriteAllBytes(file, bytes);
        Assert.Equal(Image(1).Code, cache.GetOrAdd("key", static () => Image(1)).Code);
        Assert.Equal(whole, File.ReadAllBytes(file));
        cache.GetOrAdd("key", static () => throw new InvalidOperationException("it is there"));
    }

    [Fact]
    public void GetOrAdd_ManyAtOnce_GiveWholeImagesAndLeaveNothingElse()
    {
        Parallel.For(0, 200, i =>
        {
            string key = $"key{i % 3}";
            var image = new KernelCache(Cache).GetOrAdd(key, () => Image(i % 3));
            Assert.Equal(Image(i % 3).Code, image.Code);
            if (i % 7 == 0)
                File.WriteAllText(Path.Combine(Folder, $"{key}.image"), "damaged");
        });
        Assert.Equal(["key0.image", "key1.image", "key2.image"], Directory.GetFiles(Folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void GetOrAdd_FolderThatCannotBe_MakesTheImageAllTheSame()
    {
        File.WriteAllText(Folder, "a file");
        Assert.Equal(Image(3).Code, new KernelCache(Cache).GetOrAdd("key", static () => Image(3)).Code);
    }

    [Fact]
    public void Compile_AnythingThatGoesIn_MakesAnotherEntry()
    {
        CudaMachine.SkipWithoutNvrtc();
        var unit = new KernelUnit("Width.cu", ["WIDTH=7"], []);
        int entries = 0;
        foreach (var (sources, compiled, architecture) in new (KernelSources, KernelUnit, string)[]
        {
            (Sources(Source, 1), unit, "sm_90"),
            (Sources(Source, 1), unit, "sm_80"),
            (Sources(Source, 1), unit, "compute_80"),
            (Sources(Source, 1), unit with { Defines = ["WIDTH=8"] }, "sm_90"),
            (Sources(Source, 2), unit, "sm_90"),
            (Sources(Source + "\n", 1), unit, "sm_90"),
        })
        {
            byte[] code = new KernelCompiler(sources).Compile(compiled, architecture).Code;
            for (int again = 0; again < 2; again++)
                Assert.Equal(code, new KernelCompiler(sources, new KernelCache(Cache)).Compile(compiled, architecture).Code);
            Assert.Equal(++entries, Directory.GetFiles(Folder).Length);
        }
    }

    [Fact]
    public void Compile_SourceWithAnError_IsNotKept()
    {
        CudaMachine.SkipWithoutNvrtc();
        var compiler = new KernelCompiler(Sources("no kernel", 1), new KernelCache(Cache));
        Assert.Throws<KernelCompilationException>(() => compiler.Compile(new("Width.cu", [], []), "compute_80"));
        Assert.False(Directory.Exists(Folder));
    }

    private static KernelSources Sources(string text, int factor) => new([new("Width.cu", text), new("Width.cuh", $"#define FACTOR {factor}\n")]);

    private static KernelImage Image(int seed)
    {
        const string Log = """
            ptxas info    : Compiling entry function 'entry' for 'sm_90'
            ptxas info    : Used 40 registers
            """;
        byte[] code = new byte[1000 + seed];
        new Random(seed).NextBytes(code);
        return new KernelImage(code, KernelImage.ParseResources(Log), Log);
    }
}
