using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using VideoSim.Models.Recipes;
using VideoSim.Models.Records;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// The results of a training: the loss of every step, gradients of the first if they are kept, and parameters, states
/// and moments by name.
/// </summary>
internal sealed record Trained(double[] Losses, IReadOnlyDictionary<string, float[]> FirstGradients, IReadOnlyDictionary<string, float[]> Values)
{
    private const string FirstMoment = ", first moment", SecondMoment = ", second moment";

    /// <summary>The norm of the gradient of every step.</summary>
    public required float[] Norms { get; init; }

    public static string FirstMomentOf(string parameter) => parameter + FirstMoment;

    public static string SecondMomentOf(string parameter) => parameter + SecondMoment;

    public static bool IsMoment(string name) => name.EndsWith(FirstMoment, StringComparison.Ordinal) || name.EndsWith(SecondMoment, StringComparison.Ordinal);
}

/// <summary>
/// A training of a model of the micro preset on any device: some steps at a constant rate on two batches in turn.
/// </summary>
/// <param name="Model">Its name.</param>
/// <param name="Pairs">Finetuning rather than pretraining.</param>
internal sealed record ModelTraining(string Model, bool Pairs)
{
    public const int Steps = 20, Batches = 2;

    private const double Rate = 1e-3;

    // Larger than in the recipes. If a gradient is 0 except for rounding, Adam would otherwise make a full step of
    // the rounding.
    public const double Epsilon = 1e-4;

    public int StepCount { get; init; } = Steps;

    public int Batch { get; init; } = 4;

    /// <summary>Of the masks of dropout.</summary>
    public ulong Seed { get; init; } = 7;

    /// <summary>Batches of an update.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>Of the encoder and of everything else.</summary>
    public double[] Rates { get; init; } = [Rate, Rate];

    public bool Eager { get; init; }

    /// <summary>Whether all tensors of the step keep their values.</summary>
    public bool KeepsValues { get; init; }

    /// <summary>Whether the update comes after backward; otherwise it is in backward.</summary>
    public bool KeepsGradients { get; init; } = true;

    /// <summary>
    /// Changes each weight by a unit in the last place, up and down in turn: 1 begins with up, -1 with down, 0
    /// changes none.
    /// </summary>
    public int Nudge { get; init; }

    public ElementType Precision { get; init; } = ElementType.Float32;

    public Trained Run(Device device)
    {
        string root = Directory.CreateTempSubdirectory("videosim-test-").FullName;
        try
        {
            TinyData.Write(root);
            return Run(device, new DataFolder(root));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private Trained Run(Device device, DataFolder data)
    {
        var vocabulary = Vocabulary.Load(data.Vocabulary);
        var tags = TagList.Read(data.TagList);
        var preset = Preset.Load("micro", Model, [.. TinyData.Overrides, $"pretrain.batch={Batch}", $"finetune.batch={Batch}"]).For(vocabulary.Count, tags.ClassCount);
        var config = Pairs ? preset.Finetune : preset.Pretrain;
        var index = RecordIndex.Build([data.Pairwise], TinyData.FrameWidth);
        var labels = LabelFile.Read(data.Labels, index.TryFind);
        using var assembler = new BatchAssembler(index, TokenizerFactory.Create(preset.Model, vocabulary, dictionary: null), tags, preset.Model.EvenFrames);
        var model = ModelZoo.Create(preset.Model);
        var stage = Pairs ? model.Finetuning(Batch, config.Losses) : model.Pretraining(Batch, config.Losses);
        var masker = stage.Shape.MaskedCapacity > 0 ? new TokenMasker(vocabulary, seed: 3) : null;
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true, Precision, KeepsGradients);
        parameters.Initialize(seed: 1);
        foreach (var (_, value, _, _) in Nudge != 0 ? parameters.Parts() : [])
            parameters.Upload([.. device.Read<float>(value).Select((x, i) => (i % 2 == 0) == (Nudge > 0) ? MathF.BitIncrement(x) : MathF.BitDecrement(x))], value);
        using var adam = new Adam(device, parameters, Epsilon);
        using var input = new BatchBlock(device, stage.Shape);
        using var host = new CpuDevice(threads: 1);
        BatchBlock[] slot = [.. Enumerable.Range(0, Parts).Select(_ => new BatchBlock(host, stage.Shape))];
        using var tree = Parts > 1 ? new GradientTree(device, parameters, Parts, stage.Sides) : null;
        using var step = TrainingStep.Build(device, parameters, adam, input, tape => stage.Variants[^1].Losses(tape, input), Seed, Eager, Precision, tree, KeepsValues);
        double[] losses = new double[StepCount];
        float[] norms = new float[StepCount];
        Dictionary<string, float[]> firstGradients = [];
        for (int i = 0; i < StepCount; i++)
        {
            int[] rows = [.. Enumerable.Range(i % Batches * Batch * Parts, Batch * Parts)];
            if (Pairs)
                assembler.FillPairs(rows, labels, slot);
            else
                assembler.Fill(rows, slot, masker, i);
            for (int part = 0; part < Parts; part++)
            {
                step.WriteScalars(slot[part], i, Rates, part);
                slot[part].CopyTo(input);
                step.Run();
            }
            losses[i] = step.Loss();
            norms[i] = adam.GradientNorm();
            if (i == 0 && KeepsGradients)
                firstGradients = parameters.Parts().ToDictionary(static part => part.Name, part => device.Read<float>(part.Gradient));
        }
        foreach (var block in slot)
            block.Dispose();
        return new Trained(losses, firstGradients, Everything(device, parameters, adam)) { Norms = norms };
    }

    private static Dictionary<string, float[]> Everything(Device device, ParameterStore parameters, Adam adam)
    {
        var values = new Dictionary<string, float[]>();
        foreach (var parameter in parameters.Parameters)
        {
            foreach (var part in parameter.Parts)
            {
                long start = parameter.Offset + part.Offset;
                values[part.Name] = device.Read<float>(parameters.Weights.Slice(start, part.Shape));
                values[Trained.FirstMomentOf(part.Name)] = device.Read<float>(adam.FirstMoment.Slice(start, part.Shape));
                values[Trained.SecondMomentOf(part.Name)] = device.Read<float>(adam.SecondMoment.Slice(start, part.Shape));
            }
        }
        foreach (var (name, value) in parameters.StateParts())
            values[name] = device.Read<float>(value);
        return values;
    }
}
