using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Configuration;

/// <summary>
/// Recipe of one training stage (docs/reference-system.md, section 5): batch, steps, learning rates and intervals.
/// </summary>
public sealed record TrainingConfig
{
    /// <summary>A value of <see cref="OnNan"/>: the run ends with an error.</summary>
    public const string Stop = "stop";

    /// <summary>A value of <see cref="OnNan"/>: the run goes on from the last good checkpoint.</summary>
    public const string Rollback = "rollback";

    /// <summary>Videos or pairs of a micro-batch, in pretraining or finetuning.</summary>
    public required int Batch { get; init; }

    /// <summary>Updates.</summary>
    public required int Steps { get; init; }

    /// <summary>Peak rate of the text encoder.</summary>
    public double EncoderRate { get; set; } = 3e-5;

    /// <summary>Steps until the encoder's rate peaks.</summary>
    public int EncoderWarmup { get; set; } = 2000;

    /// <summary>Step at which the encoder's rate reaches 0, if the run is that long.</summary>
    public required int EncoderScheduleSteps { get; init; }

    /// <summary>Peak rate of everything else.</summary>
    public double Rate { get; set; } = 5e-4;

    /// <summary>Steps until that rate peaks; it reaches 0 at the last step.</summary>
    public int Warmup { get; set; } = 1000;

    /// <summary>Micro-batches whose gradients are added for one update. They are the parts of one batch.</summary>
    public int GradientAccumulationSteps { get; set; } = 1;

    /// <summary>Videos or pairs of an update.</summary>
    [JsonIgnore]
    public int UpdateBatch => Batch * GradientAccumulationSteps;

    /// <summary>
    /// Decoupled weight decay (AdamW): an update also reduces a weight by its rate times this. Biases and scales and
    /// shifts of normalizations do not decay. 0 is off.
    /// </summary>
    public double WeightDecay { get; set; }

    /// <summary>Largest norm of the whole gradient: a longer gradient is shortened to it. 0 is off.</summary>
    public double MaxGradNorm { get; set; }

    /// <summary>Whether all gradients of an update must exist at the same time.</summary>
    [JsonIgnore]
    public bool KeepsGradients => GradientAccumulationSteps > 1 || MaxGradNorm > 0;

    /// <summary>
    /// Type of activations and of the matrices in products. Weights, gradients, moments and validations are always
    /// fp32. bf16 needs a CUDA device.
    /// </summary>
    [JsonConverter(typeof(PrecisionConverter))]
    public ElementType Precision { get; set; } = ElementType.Float32;

    /// <summary>Steps between log lines.</summary>
    public int LogEvery { get; set; } = 100;

    /// <summary>Steps between validations.</summary>
    public int EvaluateEvery { get; set; } = 1000;

    /// <summary>Steps between checkpoints.</summary>
    public int CheckpointEvery { get; set; } = 1000;

    /// <summary>Newest checkpoints that are kept.</summary>
    public int SaveTotalLimit { get; set; } = 2;

    /// <summary>Validations without a better score after which the run ends; 0 is off.</summary>
    public int EarlyStoppingPatience { get; set; }

    /// <summary><see cref="Stop"/> or <see cref="Rollback"/> when a value is not finite.</summary>
    public string OnNan { get; set; } = Stop;

    /// <summary>The losses.</summary>
    public LossConfig Losses { get; set; } = new();

    /// <summary>Checks that a device supports a precision.</summary>
    /// <returns>The precision.</returns>
    /// <exception cref="DataException">The device does not support it.</exception>
    public static ElementType Require(ElementType precision, Device device) => precision == ElementType.Float32 || device.HasBFloat16 ? precision
        : throw new DataException($"precision {PrecisionName.Of(precision)} needs a CUDA device; {device.Name} computes in {PrecisionName.Of(ElementType.Float32)}");

    /// <summary>The schedule of each parameter group: the encoder, everything else.</summary>
    public LearningRateSchedule[] Schedules() =>
        [new(EncoderRate, EncoderWarmup, EncoderScheduleSteps), new(Rate, Warmup, Steps)];

    /// <summary>Checks the numbers.</summary>
    /// <exception cref="DataException">One is out of range; the message names it.</exception>
    public void Validate(string stage)
    {
        ConfigKeys.Require(this, ConfigurationJson.Default.TrainingConfig, $"{stage}.");
        Less(Warmup, "warmup", Steps, "steps");
        Less(EncoderWarmup, "encoder_warmup", EncoderScheduleSteps, "encoder_schedule_steps");
        Losses.Validate(stage);

        void Less(int value, string key, int limit, string limitKey)
        {
            if (value >= limit)
                throw new DataException($"{stage}.{key} is {value}, but it must be less than {stage}.{limitKey}, which is {limit}");
        }
    }
}
