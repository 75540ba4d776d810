using VideoSim.Engine.Compilation;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>What g++ says, in one line for each error.</summary>
public sealed class EmulatorErrorsTests
{
    [Theory]
    [InlineData("In file included from units/A-0f.cpp:1:\nkernels/A.cu:3:5: error: ‘__foo’ was not declared in this scope; did you mean ‘__fool’?\n    3 |     __foo(1);\n", "A.cu:3:5: '__foo' is not on the emulator\n" + EmulatorErrors.List)]
    [InlineData("kernels/A.cu:3:5: error: there are no arguments to ‘__foo’ that depend on a template parameter, so a declaration of ‘__foo’ must be available [-fpermissive]", "A.cu:3:5: '__foo' is not on the emulator\n" + EmulatorErrors.List)]
    [InlineData("kernels/A.cu:3:5: error: ‘half’ does not name a type", "A.cu:3:5: 'half' is not on the emulator\n" + EmulatorErrors.List)]
    [InlineData("kernels/A.cu:1:10: fatal error: cuda_fp16.h: No such file or directory\ncompilation terminated.", "A.cu:1:10: 'cuda_fp16.h' is not on the emulator\n" + EmulatorErrors.List)]
    [InlineData("/usr/bin/ld: A-0f.fast.o: in function `a':\n/tmp/x/kernels/A.cu:9: undefined reference to `__foo(float)'\n", "A.cu:9: '__foo' is not on the emulator\n" + EmulatorErrors.List)]
    [InlineData("kernels/A.cu:3:5: error: expected ‘;’ before ‘}’ token\nkernels/A.cu:3:5: error: expected ‘;’ before ‘}’ token\n", "A.cu:3:5: expected ‘;’ before ‘}’ token")]
    [InlineData("units/Swi-0f.cpp:9:9: error: ‘swi_f32’ was not declared in this scope", "Swi.cu has no entry 'swi_f32'")]
    [InlineData("g++: fatal error: Killed signal terminated program cc1plus\n", "g++: fatal error: Killed signal terminated program cc1plus")]
    public void Summary_OfALog_HasTheErrorsAlone(string log, string summary) => Assert.Equal(summary, EmulatorErrors.Summary(log));

    [Fact]
    public void Summary_OfManyErrors_HasFive()
    {
        string log = string.Join('\n', Enumerable.Range(1, 9).Select(static line => $"kernels/A.cu:{line}:1: error: wrong {line}"));
        Assert.Equal(["A.cu:1:1: wrong 1", "A.cu:5:1: wrong 5", "4 more errors"], EmulatorErrors.Summary(log).Split('\n').Where(static (_, i) => i is 0 or 4 or 5));
    }
}
