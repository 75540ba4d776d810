using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Golden;

/// <summary>Thirty updates of two groups with schedules of their own, against the independent script.</summary>
public sealed unsafe class AdamGoldenTests : IDisposable
{
    private const int Steps = 30;

    private readonly SafetensorsReader _golden =
        SafetensorsReader.Open(Path.Combine(AppContext.BaseDirectory, "Golden", "adam", "two_groups.safetensors"));

    public void Dispose() => _golden.Dispose();

    [Fact]
    public void Update_ThirtySteps_AgreesWithTheGoldenFile()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        string[] groups = ["encoder", "rest"];
        string[] names = new[] { "encoder.table", "encoder.bias", "rest.matrix", "rest.scalar" };
        var parameters = names.ToDictionary(static name => name, name => store.Add(Array.IndexOf(groups, name.Split('.')[0]), name,
            new Shape((int)_golden.TryFind($"initial.{name}")!.ElementCount), (values, _, _) => Floats($"initial.{name}").CopyTo(values)));
        store.Allocate(device, training: true);
        store.Initialize(seed: 0);
        using var adam = new Adam(device, store, Number("epsilon"));
        using var inputs = new Arena(device, Arena.Alignment);
        nint scalars = inputs.Allocate(new Shape(sizeof(StepScalars) / sizeof(int)), ElementType.Int32).Address;
        var schedules = Array.ConvertAll(groups, group => new LearningRateSchedule(Number($"{group}.peak_rate"), (long)Number($"{group}.warm_up"), (long)Number($"{group}.length")));
        var plain = names.ToDictionary(static name => name, name => new PlainAdam(Floats($"initial.{name}"), (float)Number("epsilon")));

        for (int step = 0; step < Steps; step++)
        {
            double[] rates = Array.ConvertAll(schedules, schedule => schedule.RateAt(step));
            for (int group = 0; group < groups.Length; group++)
                Assert.Equal(Doubles($"rate.{groups[group]}")[step], rates[group], 1e-18);
            var host = new StepScalars { Step = (uint)step };
            adam.WriteRates(ref host, step, rates);
            device.Upload(MemoryMarshal.AsBytes(new Span<StepScalars>(ref host)), scalars);
            foreach (var (name, parameter) in parameters)
            {
                int count = (int)parameter.Shape.Count;
                var gradient = Floats($"gradient.{name}").AsSpan(step * count, count);
                device.Upload(MemoryMarshal.AsBytes(gradient), parameter.Gradient.Address);
                plain[name].Update(gradient, host.Rates[parameter.Group]);
            }
            adam.Update(device.Stream, (StepScalars*)scalars);
            if (step + 1 is not (1 or 10 or Steps))
                continue;
            foreach (var (name, parameter) in parameters)
            {
                AssertClose($"after.{step + 1}.value.{name}", parameter.Value, plain[name].Value);
                AssertClose($"after.{step + 1}.first_moment.{name}", adam.FirstMoment.Slice(parameter.Offset, parameter.Shape), plain[name].First);
                AssertClose($"after.{step + 1}.second_moment.{name}", adam.SecondMoment.Slice(parameter.Offset, parameter.Shape), plain[name].Second);
            }
        }
        Assert.Null(adam.FindNonFinite());
    }

    // Element by element: scales of gradients differ by ten orders of magnitude. The moments may be off by a few roundings of
    // each step; values by 3 times what the plain formulas in fp32 are off, and one unit in the last place.
    private void AssertClose(string name, Tensor actual, float[] plain)
    {
        double[] truth = Doubles(name);
        var values = new ReadOnlySpan<float>(actual.Floats, truth.Length);
        double plainError = truth.Zip(plain, static (a, b) => Math.Abs(a - b)).Max();
        for (int i = 0; i < truth.Length; i++)
        {
            double bound = name.Contains("moment", StringComparison.Ordinal) ? MomentBound(name, i) : 3 * plainError + (MathF.BitIncrement((float)Math.Abs(truth[i])) - (float)Math.Abs(truth[i]));
            Assert.True(Math.Abs(values[i] - truth[i]) <= bound, $"{name}[{i}]: {values[i]:R} instead of {truth[i]:R}, bound {bound:E2}");
        }
    }

    // Each step rounds thrice, by at most 2^-24 of the largest that the moment can be: the largest gradient, or its square.
    private double MomentBound(string name, int element)
    {
        string tensor = name[(name.IndexOf("moment.", StringComparison.Ordinal) + "moment.".Length)..];
        double[] gradients = Doubles($"gradient.{tensor}");
        int count = gradients.Length / Steps;
        double largest = Enumerable.Range(0, Steps).Max(step => Math.Abs(gradients[step * count + element]));
        return 3 * Steps * Math.Pow(2, -24) * (name.Contains("second", StringComparison.Ordinal) ? largest * largest : largest);
    }

    private double Number(string key) => double.Parse(_golden.Metadata[key], CultureInfo.InvariantCulture);

    private float[] Floats(string name) => Array.ConvertAll(Doubles(name), static value => (float)value);

    private double[] Doubles(string name)
    {
        var entry = _golden.TryFind(name) ?? throw new InvalidOperationException($"the golden file has no {name}");
        double[] values = new double[entry.ElementCount];
        _golden.ReadBytes(entry, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private sealed class PlainAdam(float[] value, float epsilon)
    {
        public float[] Value => value;

        public float[] First { get; } = new float[value.Length];

        public float[] Second { get; } = new float[value.Length];

        public void Update(ReadOnlySpan<float> gradient, float rate)
        {
            for (int i = 0; i < value.Length; i++)
            {
                First[i] = 0.9f * First[i] + 0.1f * gradient[i];
                Second[i] = 0.999f * Second[i] + 0.001f * gradient[i] * gradient[i];
                value[i] -= rate * First[i] / (MathF.Sqrt(Second[i]) + epsilon);
            }
        }
    }
}
