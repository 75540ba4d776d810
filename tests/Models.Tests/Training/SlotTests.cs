using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A slot of a batch is filled again only after its copy to the device is done.</summary>
public sealed unsafe class SlotTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Train_MoreBatchesThanSlots_FillsNoSlotThatIsBeingCopied(int parts)
    {
        const int Steps = 7;
        int tooEarly = 0, fills = 0;
        using var device = new SlowCopies();
        using (var job = new TinyJob("mix", device, $"pretrain.steps={Steps}", $"pretrain.encoder_schedule_steps={Steps}", $"pretrain.log_every={Steps}",
            $"pretrain.evaluate_every={Steps}", $"pretrain.checkpoint_every={Steps}", $"pretrain.gradient_accumulation_steps={parts}"))
        {
            job.Train(pairs: false, (number, slot) =>
            {
                fills++;
                if (slot.Any(block => device.IsCopying((nint)block.Scalars)))
                    tooEarly++;
                job.Fill(number, slot);
            }, IProgressSink.None);
        }
        Assert.Equal((Steps, 0), (fills, tooEarly));
    }

    // Uploads that were begun are not done before somebody waits.
    private sealed class SlowCopies() : CpuDevice(threads: 1)
    {
        private readonly HashSet<nint> _sources = [];

        public override void BeginUpload(nint source, long bytes, nint destination)
        {
            lock (_sources)
                _sources.Add(source);
            base.BeginUpload(source, bytes, destination);
        }

        public override void WaitForUploads()
        {
            lock (_sources)
                _sources.Clear();
        }

        public bool IsCopying(nint source)
        {
            lock (_sources)
                return _sources.Contains(source);
        }
    }
}
