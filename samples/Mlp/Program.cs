// Two moons: a perceptron learns on which of two half circles a point lies. Argument: cpu (default), cuda or cuda:N.
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;

const int Batch = 128;
var random = new Random(1);
using var device = DeviceNames.Open(args.FirstOrDefault("cpu"));
using var parameters = new ParameterStore();
var hidden = new Dense(parameters, "hidden", input: 2, output: 32);
var output = new Dense(parameters, "output", input: 32, output: 2);
parameters.Allocate(device, training: true);
parameters.Initialize(seed: 1);
using var adam = new Adam(device, parameters);
using var inputs = new StepInputs(device, new("points", new Shape(Batch, 2)), new("moons", new Shape(Batch), ElementType.Int32));
using var training = TrainingStep.Build(device, parameters, adam, inputs, tape => SoftmaxCrossEntropy.Forward(tape, Logits(tape), inputs["moons"]));
for (int step = 0; step < 100; step++)
{
    Draw();
    training.Run(rate: 0.05);
}
using var inference = InferenceStep.Build(device, inputs, Logits);
int[] moons = Draw();
inference.Run();
float[] logits = device.Read<float>(inference.Result);
Console.WriteLine($"accuracy {Enumerable.Range(0, Batch).Count(i => logits[2 * i + 1] > logits[2 * i] == (moons[i] == 1)) / (double)Batch:F3}");

Tensor Logits(Tape tape) => output.Forward(tape, Activation.Forward(tape, hidden.Forward(tape, inputs["points"]), ActivationKind.Relu));
int[] Draw() // makes a batch of points, uploads it and returns their moons
{
    var drawn = Enumerable.Range(0, Batch).Select(i => (Moon: i % 2, Angle: Math.PI * random.NextDouble(), Noise: 0.2 * random.NextDouble())).ToArray();
    inputs.Upload<float>("points", [.. drawn.SelectMany(p => new[] { (float)(p.Moon + (1 - 2 * p.Moon) * Math.Cos(p.Angle) + p.Noise), (float)(0.5 * p.Moon + (1 - 2 * p.Moon) * Math.Sin(p.Angle) + p.Noise) })]);
    inputs.Upload<int>("moons", [.. drawn.Select(p => p.Moon)]);
    return [.. drawn.Select(p => p.Moon)];
}
