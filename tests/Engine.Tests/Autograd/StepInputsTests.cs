using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

public sealed unsafe class StepInputsTests
{
    private static readonly StepInput[] Two = [new("x", new Shape(2, 3)), new("labels", new Shape(5), ElementType.Int32)];

    [Fact]
    public void Upload_EveryInput_IsWhatTheTensorHolds()
    {
        using var device = new CpuDevice(threads: 1);
        using var inputs = new StepInputs(device, Two);
        inputs.Upload<float>("x", [1, 2, 3, 4, 5, 6]);
        inputs.Upload<uint>("labels", [1, 2, 3, 4, uint.MaxValue]);
        inputs.Upload(new StepScalars { Step = 9 });
        Assert.Equal([1f, 2, 3, 4, 5, 6], device.Read<float>(inputs["x"]));
        Assert.Equal([1, 2, 3, 4, -1], device.Read<int>(inputs["labels"]));
        Assert.Equal(9u, inputs.Scalars->Step);
    }

    [Fact]
    public void Upload_WrongNameTypeOrCount_SaysWhatThereIs()
    {
        using var device = new CpuDevice(threads: 1);
        using var inputs = new StepInputs(device, Two);
        Refuses("there is no input y; there are x, labels", () => inputs.Upload<float>("y", [1]));
        Refuses("input x holds 6 values of type Float32, not 2 of type Float32", () => inputs.Upload<float>("x", [1, 2]));
        Refuses("input labels holds 5 values of type Int32, not 5 of type Float32", () => inputs.Upload<float>("labels", new float[5]));
        Refuses("no tensor has elements of type Double", () => inputs.Upload<double>("x", new double[6]));
        Refuses("two inputs are called x", () => new StepInputs(device, new StepInput("x", new Shape(1)), new StepInput("x", new Shape(1))).Dispose());
        Refuses("a tensor of 5 values of type Int32 cannot be read as 5 of type Float32", () => device.Read<float>(inputs["labels"]));
    }

    [Fact]
    public void CopyTo_BlockWithTheSameInputs_CopiesScalarsAndInputs()
    {
        using CpuDevice host = new(threads: 1), device = new(threads: 1);
        using StepInputs slot = new(host, Two), block = new(device, Two), other = new(device, Two.AsSpan(0, 1));
        slot.Upload<float>("x", [1, 2, 3, 4, 5, 6]);
        slot.Upload<int>("labels", [5, 4, 3, 2, 1]);
        slot.Upload(new StepScalars { Step = 3 });
        slot.CopyTo(block);
        Assert.Equal([1f, 2, 3, 4, 5, 6], device.Read<float>(block["x"]));
        Assert.Equal([5, 4, 3, 2, 1], device.Read<int>(block["labels"]));
        Assert.Equal(3u, block.Scalars->Step);
        Assert.Contains("does not fit", Assert.Throws<ArgumentException>(() => slot.CopyTo(other)).Message, StringComparison.Ordinal);
    }

    private static void Refuses(string message, Action action) => Assert.Equal(message, Assert.Throws<ArgumentException>(action).Message);
}
