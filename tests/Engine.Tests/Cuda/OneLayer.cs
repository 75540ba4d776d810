using System.Numerics;
using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.LayerNorm;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// The smallest network that trains: z = dropout(LayerNorm(residual + dropout(table))), loss = sum (z - target)^2 / 2,
/// and Adam on table, weight and bias in two groups. It is built from operators and runs on any device. Weight decay
/// and a limit of the gradient's norm are optional. <see cref="Reference"/> is the same in plain formulas.
/// </summary>
internal sealed unsafe class OneLayer : IDisposable
{
    public const int Steps = 20;

    private const int Rows = 37, C = 19, Count = Rows * C; // past a chunk of rows, ragged columns
    private const ulong Seed = 99;
    private const uint FirstSite = 3, SecondSite = 4;
    private const float FirstDrop = 0.3f, SecondDrop = 0.1f, NormEpsilon = 1e-5f;

    // Larger than the root of the second moment of small gradients, so their rounding has small effects. (With an
    // epsilon of 1e-8 a gradient that rounds to another sign moves its weight by a whole step.)
    private const double AdamEpsilon = 1e-2;

    private static readonly double[] Rates = [2e-2, 5e-2];
    private static readonly Rule<(Tensor Z, Tensor MinusTarget)> LossRule = new(LossBackward);

    private readonly Device _device;
    private readonly ParameterStore _store = new();
    private readonly Parameter _table, _weight, _bias;
    private readonly Adam _adam;
    private readonly Arena _inputs, _step;
    private readonly Tensor _scalars, _residual, _minusTarget;

    public OneLayer(Device device, double decay = 0, double limit = 0)
    {
        _device = device;
        _table = _store.Add(0, "table", new Shape(Rows, C), static (values, _, _) => Draw(0).CopyTo(values));
        _weight = _store.Add(1, "weight", new Shape(C), static (values, _, _) => values.Fill(1));
        _bias = _store.Add(1, "bias", new Shape(C), static (values, _, _) => values.Clear());
        _store.Allocate(device, training: true);
        _store.Initialize(Seed);
        _adam = new Adam(device, _store, AdamEpsilon, decay > 0 ? [decay, decay] : null, limit);
        _inputs = new Arena(device, 3 * (Count + 64) * sizeof(float), "the inputs of a test");
        _step = new Arena(device, 16 * (Count + 64) * sizeof(float), "the values of a test");
        _scalars = _inputs.Allocate(new Shape(sizeof(StepScalars) / sizeof(int)), ElementType.Int32);
        _residual = _inputs.Allocate(new Shape(Rows, C));
        _minusTarget = _inputs.Allocate(new Shape(Rows, C));
        device.Upload(MemoryMarshal.AsBytes(Draw(1).AsSpan()), _residual.Address);
        device.Upload(MemoryMarshal.AsBytes(Array.ConvertAll(Draw(2), static x => -x).AsSpan()), _minusTarget.Address);
    }

    /// <summary>
    /// Trains with a step that is rebuilt each time or replayed. Returns parameters and moments by name.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> Train(bool planned)
    {
        using var plan = new PlanStream();
        if (planned)
            Build(plan);
        for (int step = 0; step < Steps; step++)
        {
            var scalars = new StepScalars { Step = (uint)step };
            _adam.WriteRates(ref scalars, step, Rates);
            _device.Upload(MemoryMarshal.AsBytes(new Span<StepScalars>(ref scalars)), _scalars.Address);
            if (planned)
                plan.Replay(_device.Stream);
            else
                Build(_device.Stream);
        }
        var results = new Dictionary<string, float[]>();
        foreach (var parameter in new[] { _table, _weight, _bias })
        {
            results[$"{parameter}"] = Read(parameter.Value);
            results[$"{parameter}, first moment"] = Read(_adam.FirstMoment.Slice(parameter.Offset, parameter.Shape));
            results[$"{parameter}, second moment"] = Read(_adam.SecondMoment.Slice(parameter.Offset, parameter.Shape));
        }
        return results;
    }

    public void Dispose()
    {
        _step.Dispose();
        _inputs.Dispose();
        _adam.Dispose();
        _store.Dispose();
    }

    /// <summary>The same training in plain formulas: the truth in float64, an honest version in fp32.</summary>
    public static IReadOnlyDictionary<string, T[]> Reference<T>(out T firstLoss, out T lastLoss, double decay = 0, double limit = 0) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] table = Convert<T>(Draw(0)), residual = Convert<T>(Draw(1)), target = Convert<T>(Draw(2)), weight = new T[C], bias = new T[C];
        Array.Fill(weight, T.One);
        var moments = new[] { table, weight, bias }.ToDictionary(static values => values, static values => (First: new T[values.Length], Second: new T[values.Length]));
        firstLoss = lastLoss = T.Zero;
        for (int step = 0; step < Steps; step++)
        {
            var first = DropoutReference.Factors<T>(Seed, (uint)step, FirstSite, FirstDrop, Count)!;
            var second = DropoutReference.Factors<T>(Seed, (uint)step, SecondSite, SecondDrop, Count)!;
            var (y, sum, mean, rstd) = LayerNormReference.Forward(table, first, residual, weight, bias, T.CreateChecked(NormEpsilon));
            var difference = new T[Count];
            lastLoss = T.Zero;
            for (int i = 0; i < Count; i++)
            {
                difference[i] = y[i] * second[i] - target[i];
                lastLoss += difference[i] * difference[i] / T.CreateChecked(2);
                difference[i] *= second[i];
            }
            if (step == 0)
                firstLoss = lastLoss;
            var (dSum, dWeight, dBias) = LayerNormReference.Backward(difference, sum, weight, mean, rstd);
            T[] dTable = [.. dSum.Zip(first, static (d, factor) => d * factor)];
            if (limit > 0)
                Limit(dTable, dWeight, dBias);
            for (int i = 0; i < Count; i++)
                table[i] -= T.CreateChecked(Rates[0] * decay) * table[i]; // the others are vectors
            Update(table, dTable, step, Rates[0]);
            Update(weight, dWeight, step, Rates[1]);
            Update(bias, dBias, step, Rates[1]);
        }
        var results = new Dictionary<string, T[]>();
        foreach (var (name, values) in new[] { ("table", table), ("weight", weight), ("bias", bias) })
        {
            results[name] = values;
            results[$"{name}, first moment"] = moments[values].First;
            results[$"{name}, second moment"] = moments[values].Second;
        }
        return results;

        void Limit(params T[][] gradients)
        {
            var norm = T.Sqrt(gradients.SelectMany(static gradient => gradient).Aggregate(T.Zero, static (sum, g) => sum + g * g));
            var factor = T.Min(T.One, T.CreateChecked(limit) / (norm + T.CreateChecked(1e-6)));
            foreach (var gradient in gradients)
            {
                for (int i = 0; i < gradient.Length; i++)
                    gradient[i] *= factor;
            }
        }

        void Update(T[] values, T[] gradient, int step, double rate)
        {
            var (m, v) = moments[values];
            double t = step + 1;
            var corrected = T.CreateChecked(rate * Math.Sqrt(1 - Math.Pow(AdamKernels.Beta2, t)) / (1 - Math.Pow(AdamKernels.Beta1, t)));
            for (int i = 0; i < values.Length; i++)
            {
                m[i] = T.CreateChecked(AdamKernels.Beta1) * m[i] + T.CreateChecked(1 - AdamKernels.Beta1) * gradient[i];
                v[i] = T.CreateChecked(AdamKernels.Beta2) * v[i] + T.CreateChecked(1 - AdamKernels.Beta2) * gradient[i] * gradient[i];
                values[i] -= corrected * m[i] / (T.Sqrt(v[i]) + T.CreateChecked(AdamEpsilon));
            }
        }
    }

    private static void LossBackward(Tape tape, in (Tensor Z, Tensor MinusTarget) s)
    {
        var gradient = tape.GradientToWrite(s.Z, out int add);
        Copy(tape, s.Z, gradient, add);
        Copy(tape, s.MinusTarget, gradient, add: 1);
    }

    // Dropout of nothing is a copy.
    private static void Copy(Tape tape, in Tensor from, in Tensor to, int add) => tape.Stream.Run(DropoutKernels.Apply[ElementType.Float32], new DropoutArgs
    {
        X = from.Floats, Y = to.Floats, Dropout = new() { Scalars = tape.Scalars }, Count = from.Shape.Count, Add = add,
    });

    private static float[] Draw(uint site)
    {
        float[] values = new float[Count];
        for (int i = 0; i < Count; i++)
            values[i] = (float)(2 * Philox.Uniform(Seed, uint.MaxValue, site, i) - 1);
        return values;
    }

    private static T[] Convert<T>(float[] values) where T : struct, IBinaryFloatingPointIeee754<T> => Array.ConvertAll(values, T.CreateChecked);

    private void Build(ComputeStream stream)
    {
        _step.Reset();
        using var tape = new Tape(stream, _step) { Mode = new(Training: true, Seed), Scalars = (StepScalars*)_scalars.Address };
        var y = ResidualNorm.Forward(tape, tape.Use(_table), default, _residual, tape.Use(_weight), tape.Use(_bias), NormEpsilon, FirstSite, FirstDrop);
        var z = Dropout.Forward(tape, y, SecondSite, SecondDrop);
        tape.RecordLoss(LossRule, (z, _minusTarget));
        tape.RunBackward();
        _adam.Update(stream, tape.Scalars);
    }

    private float[] Read(Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        _device.Download(tensor.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
