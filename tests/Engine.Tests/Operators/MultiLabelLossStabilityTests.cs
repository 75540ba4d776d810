using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

/// <summary>Long training at an absurd rate: logits jump from one extreme to the other each time the labels change.</summary>
public sealed unsafe class MultiLabelLossStabilityTests
{
    private const int Steps = 100_000, Tags = 40, LabelsChangeEvery = 7;
    private const float Rate = 50;

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 4, 0.05f)]
    public void Training_AbsurdRate_StaysFiniteWhereTheNaiveFormFails(float positiveGamma, float negativeGamma, float margin)
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        var logits = store.Add(0, "logits", new Shape(1, Tags), static (values, _, _) => values.Clear());
        store.Allocate(device, training: true);
        store.Initialize(seed: 1);
        using var adam = new Adam(device, store, 1e-8);
        using var inputs = new StepInputs(device, new StepInput("labels", new Shape(1, 2), ElementType.Int32));
        using var step = TrainingStep.Build(device, store, adam, inputs,
            tape => MultiLabelLoss.Forward(tape, tape.Use(logits), inputs["labels"], new LabelFocus(positiveGamma, negativeGamma, margin)));
        float largest = 0;
        bool naiveFailed = false;
        for (int i = 0; i < Steps; i++)
        {
            if (i % LabelsChangeEvery == 0)
            {
                uint draw = (uint)i;
                inputs.Upload<uint>("labels", [Philox.Bits(5, draw, 0, 0), Philox.Bits(5, draw, 0, 1)]);
            }
            step.Run(Rate);
            Assert.True(double.IsFinite(step.Loss()), $"loss after step {i}");
            for (int c = 0; c < Tags; c++)
            {
                float z = logits.Value.Floats[c];
                Assert.True(float.IsFinite(z), $"logit {c} after step {i}");
                largest = Math.Max(largest, Math.Abs(z));
                naiveFailed |= float.IsNaN(NaiveSlopeOfPresent(z, positiveGamma));
            }
        }
        Assert.True(largest > 40, $"the largest logit was {largest}");
        Assert.Equal(positiveGamma == 0, naiveFailed); // with an exponent of 1 or more even the naive power has a finite slope
    }

    // d/dz of -(1 - p)^gamma log(p) for a present tag with TensorFlow's rule for the base of a power, e b^(e - 1).
    private static float NaiveSlopeOfPresent(float z, float gamma)
    {
        float p = 1 / (1 + MathF.Exp(-z)), rest = 1 - p;
        float powerSlope = gamma * MathF.Pow(rest, gamma - 1);
        return powerSlope * p * rest * MathF.Log(Math.Clamp(p, 1e-7f, 1)) - MathF.Pow(rest, gamma) * rest;
    }
}
