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
    private const int MostInBatch = 1 << 16; // more than fits into memory; token counts stay within 32 bits

    /// <summary>Videos of a pretraining batch, pairs of a finetuning batch.</summary>
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

    /// <summary>
    /// Decoupled weight decay (AdamW): an update also reduces a weight by its rate times this. Biases and scales and
    /// shifts of normalizations do not decay. 0 is off.
    /// </summary>
    public double WeightDecay { get; set; }

    /// <summary>Largest norm of the whole gradient: a longer gradient is shortened to it. 0 is off.</summary>
    public double MaxGradNorm { get; set; }

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

    /// <summary>
    /// Number of validations without a higher score after which the run stops; 0 if it does not stop early.
    /// </summary>
    public int EarlyStoppingPatience { get; set; }

    /// <summary>Number of newest checkpoints to keep, besides the first, the best and the last model.</summary>
    public int SaveTotalLimit { get; set; } = 2;

    /// <summary>What a run does if a value is NaN or infinite.</summary>
    [JsonConverter(typeof(NanReactionConverter))]
    public NanReaction OnNan { get; set; }

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
        Check(Batch is > 0 and <= MostInBatch, "batch", Batch);
        Check(Steps > 0, "steps", Steps);
        Check(Warmup >= 0, "warmup", Warmup);
        Less(Warmup, "warmup", Steps, "steps");
        Check(EncoderScheduleSteps > 0, "encoder_schedule_steps", EncoderScheduleSteps);
        Check(EncoderWarmup >= 0, "encoder_warmup", EncoderWarmup);
        Less(EncoderWarmup, "encoder_warmup", EncoderScheduleSteps, "encoder_schedule_steps");
        Check(EncoderRate >= 0 && double.IsFinite(EncoderRate), "encoder_rate", EncoderRate);
        Check(Rate >= 0 && double.IsFinite(Rate), "rate", Rate);
        Check(WeightDecay >= 0 && double.IsFinite(WeightDecay), "weight_decay", WeightDecay);
        Check(MaxGradNorm >= 0 && float.IsFinite((float)MaxGradNorm), "max_grad_norm", MaxGradNorm);
        Check(LogEvery > 0, "log_every", LogEvery);
        Check(EvaluateEvery > 0, "evaluate_every", EvaluateEvery);
        Check(CheckpointEvery > 0, "checkpoint_every", CheckpointEvery);
        Check(EarlyStoppingPatience >= 0, "early_stopping_patience", EarlyStoppingPatience);
        Check(SaveTotalLimit > 0, "save_total_limit", SaveTotalLimit);
        Losses.Validate(stage);

        void Check(bool good, string key, double value)
        {
            if (!good)
                throw new DataException($"{stage}.{key} cannot be {value}");
        }

        // One of the two can be the preset's.
        void Less(int value, string key, int limit, string limitKey)
        {
            if (value >= limit)
                throw new DataException($"{stage}.{key} is {value}, but it must be less than {stage}.{limitKey}, which is {limit}; pass --set {stage}.{key}=N too");
        }
    }
}
