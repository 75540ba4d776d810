using VideoSim.Engine.Devices;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>The memory that <c>reproduce --dry-run</c> shows against what a run allocates.</summary>
[Collection(EmulatedMachine.Collection)]
public sealed class DeviceBytesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("mix", "fp32", 1)]
    [InlineData("uniter", "fp32", 1)]
    [InlineData("uniter", "fp32", 5)]
    [InlineData("mix", "bf16", 1)]
    [InlineData("uniter", "bf16", 1)]
    public void Plan_BothStages_HasTheBytesThatARunAllocates(string model, string precision, int parts)
    {
        using Device inner = precision == "fp32" ? new CpuDevice(threads: 1) : EmulatedMachine.Open();
        TinyData.Write(_root);
        var data = new DataFolder(_root);
        Override[] overrides =
        [
            .. TinyData.Overrides, $"model.tags={TagList.Read(data.TagList).ClassCount}", $"model.encoder.vocab_size={Vocabulary.Load(data.Vocabulary).Count}",
            "pretrain.steps=2", "finetune.steps=2", "pretrain.warmup=1", "finetune.warmup=1", "pretrain.encoder_warmup=1", "finetune.encoder_warmup=1", $"pretrain.precision={precision}", $"finetune.precision={precision}",
            $"pretrain.gradient_accumulation_steps={parts}", $"finetune.gradient_accumulation_steps={parts}",
        ];
        string pretrained = Path.Combine(_root, "pretrain");
        var options = new RunOptions { OutputDirectory = pretrained, Preset = "micro", Model = model, Overrides = [.. overrides] };
        var (first, second) = (new Allocations(inner), new Allocations(inner));
        Pretraining.Run(first, options, data, IProgressSink.None, TestContext.Current.CancellationToken);
        Finetuning.Run(second, options with { OutputDirectory = Path.Combine(_root, "fold") }, data, pretrained, fold: 1, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.Equal(ReproductionPlan.Of("micro", [model], folds: 1, [.. overrides], inner.PacksProducts).Runs.Select(static run => run.DeviceBytes), [first.AllBytes, second.AllBytes]);
    }

    // Never disposed: the memory is the inner device's, and so is the stream.
    private sealed class Allocations(Device inner) : Device(inner.Stream)
    {
        private long _bytes, _host, _mostOfHost;

        // The host's memory is the CPU's, and not that of another device. Each validation takes and frees it.
        public long AllBytes => _bytes + (inner is CpuDevice ? _mostOfHost : 0);

        public override Device OpenHost() => new Host(this);

        public override string Name => inner.Name;

        public override bool HasBFloat16 => inner.HasBFloat16;

        public override bool PacksProducts => inner.PacksProducts;

        public override bool StagesUploads => inner.StagesUploads;

        public override nint Allocate(long bytes)
        {
            _bytes += bytes;
            return inner.Allocate(bytes);
        }

        public override void Free(nint address) => inner.Free(address);

        public override void Upload(ReadOnlySpan<byte> source, nint destination) => inner.Upload(source, destination);

        public override void Clear(nint address, long bytes) => inner.Clear(address, bytes);

        public override void Download(nint source, Span<byte> destination) => inner.Download(source, destination);

        private sealed class Host(Allocations owner) : CpuDevice(threads: 1)
        {
            private readonly Dictionary<nint, long> _sizes = [];

            public override nint Allocate(long bytes)
            {
                owner._mostOfHost = Math.Max(owner._mostOfHost, owner._host += bytes);
                nint address = base.Allocate(bytes);
                _sizes.Add(address, bytes);
                return address;
            }

            public override void Free(nint address)
            {
                _sizes.Remove(address, out long bytes);
                owner._host -= bytes;
                base.Free(address);
            }
        }
    }
}
