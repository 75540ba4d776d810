using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Engine.Tests.Devices;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Training;

/// <summary>A step names what was disposed of instead of using freed memory.</summary>
[Collection(CudaMachine.Collection)]
public sealed class DisposedTests
{
    public static TheoryData<string, bool> Owners => [.. from owner in (string[])["it", "its device", "its parameter store", "its block of inputs", "its optimizer"]
                                                         from eager in (bool[])[false, true]
                                                         select new TheoryDataRow<string, bool>(owner, eager)];

    [Theory, MemberData(nameof(Owners))]
    public void Run_AfterDispose_NamesWhatWasDisposedOf(string owner, bool eager)
    {
        using var model = new Model(new CpuDevice(threads: 2), eager);
        model.Step.Run(0.1);
        model.Dispose(owner);
        Assert.Equal($"the step cannot run: {owner} was disposed of", Assert.Throws<ObjectDisposedException>(() => model.Step.Run(0.1)).Message);
        Assert.Throws<ObjectDisposedException>(model.Step.Run);
        Assert.Throws<ObjectDisposedException>(model.Step.Step.Run);
        if (!eager)
            Assert.Throws<ObjectDisposedException>(() => model.Step.Step.Replay(model.Device.Stream));
        Assert.Equal(1, model.Step.Number);
    }

    // An inference step learns of its store by the parameters that it uses.
    [Theory, InlineData(false), InlineData(true)]
    public void Run_InferenceAfterDisposeOfTheStore_NamesIt(bool eager)
    {
        using var model = new Model(new CpuDevice(threads: 1), eager);
        using var inference = InferenceStep.Build(model.Device, model.Inputs, model.Forward, eager);
        model.Store.Dispose();
        Assert.Equal("the step cannot run: its parameter store was disposed of", Assert.Throws<ObjectDisposedException>(inference.Run).Message);
    }

    [Fact]
    public void BeginCopyTo_DisposedBlock_IsRefused()
    {
        using var device = new CpuDevice(threads: 1);
        StepInput[] inputs = [new("x", new Shape(2))];
        using StepInputs good = new(device, inputs), disposed = new(device, inputs);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => good.BeginCopyTo(disposed));
        Assert.Throws<ObjectDisposedException>(() => disposed.BeginCopyTo(good));
    }

    [Fact]
    public void Dispose_DeviceFirst_ThenStepsFailsNowhere()
    {
        var model = new Model(new CpuDevice(threads: 2), eager: false);
        model.Step.Run(0.1);
        model.Device.Dispose();
        model.Dispose();
    }

    // The second run captures a graph. The stream's launches and copies may still be in work.
    [Fact]
    public void Dispose_CudaDeviceFirst_ThenStepsFailsNowhere()
    {
        var model = new Model(CudaMachine.Open(), eager: false);
        for (int i = 0; i < 3; i++)
            model.Step.Run(0.1);
        model.Device.Dispose();
        Assert.Equal("the step cannot run: its device was disposed of", Assert.Throws<ObjectDisposedException>(() => model.Step.Run(0.1)).Message);
        model.Dispose();
    }

    // It waited for helpers that had ended.
    [Fact]
    public async Task Launch_OnTheStreamOfADisposedDevice_DoesNotHang()
    {
        var device = new CpuDevice(threads: 2);
        device.Dispose();
        var launch = Task.Run(Launch, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => launch.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));

        unsafe void Launch()
        {
            const int Items = 64;
            int* runs = stackalloc int[Items];
            device.Stream.Run(CountKernel.Instance, new CountArgs { Runs = runs, Items = Items, FailingItem = -1 });
        }
    }

    // A failed build frees what it has taken.
    [Fact]
    public void Build_ModelThatThrowsWhenItIsRecorded_FreesItsArenas()
    {
        using var device = new TakenMemory();
        int builds = 0;
        Assert.Throws<InvalidDataException>(() => new Step<Tensor>(device, new StepMode(Training: false), null, tape =>
        {
            var result = tape.Result(new Shape(1000), differentiable: false);
            return ++builds == 1 ? result : throw new InvalidDataException();
        }));
        Assert.Equal((2, 0), (builds, device.Blocks));
    }

    private sealed class TakenMemory() : CpuDevice(threads: 1)
    {
        public int Blocks { get; private set; }

        public override nint Allocate(long bytes)
        {
            Blocks++;
            return base.Allocate(bytes);
        }

        public override void Free(nint address)
        {
            Blocks--;
            base.Free(address);
        }
    }

    private sealed class Model : IDisposable
    {
        private readonly Parameter _weight;
        private readonly Sgd _sgd;

        public Model(Device device, bool eager)
        {
            Device = device;
            _weight = Store.Add(0, "weight", new Shape(4, 4), static (values, _, _) => values.Fill(0.5f));
            Store.Allocate(device, training: true);
            Store.Initialize(seed: 1);
            _sgd = new Sgd(device, Store);
            Inputs = new StepInputs(device, new("x", new Shape(4, 4)), new("labels", new Shape(4), ElementType.Int32));
            Inputs.Upload<float>("x", new float[16]);
            Inputs.Upload<int>("labels", new int[4]);
            Step = TrainingStep.Build(device, Store, _sgd, Inputs, tape => SoftmaxCrossEntropy.Forward(tape, Forward(tape), Inputs["labels"]), eager: eager);
        }

        public Device Device { get; }

        public ParameterStore Store { get; } = new();

        public StepInputs Inputs { get; }

        public TrainingStep Step { get; }

        public Tensor Forward(Tape tape) => Linear.Forward(tape, Inputs["x"], tape.Use(_weight));

        public void Dispose(string owner)
        {
            IDisposable disposed = owner switch
            {
                "its device" => Device,
                "its parameter store" => Store,
                "its block of inputs" => Inputs,
                "its optimizer" => _sgd,
                _ => Step,
            };
            disposed.Dispose();
        }

        public void Dispose()
        {
            Step.Dispose();
            Inputs.Dispose();
            _sgd.Dispose();
            Store.Dispose();
            Device.Dispose();
        }
    }
}
