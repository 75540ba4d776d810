// A small transformer reads sentences of random words and learns whether "cat" comes before "dog". Arguments: device, steps.
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;

const int Batch = 64, Length = 8, Words = 40, Width = 32, Cat = 0, Dog = 1;
int steps = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 150;
var random = new Random(1);
using var device = DeviceNames.Open(args.FirstOrDefault("cpu"));

// The network: words and positions, one layer of a transformer, the mean of all positions, two logits.
using var parameters = new ParameterStore();
var embedding = new EmbeddingLayer(parameters, "embedding", Words, Width, positions: Length);
var layer = new TransformerLayer(parameters, "layer", new TransformerOptions(Width, Heads: 4, InnerWidth: 2 * Width) { HiddenDropout = 0.05f }, site: 1);
var classifier = new Dense(parameters, "classifier", Width, 2);
parameters.Allocate(device, training: true);
parameters.Initialize(seed: 1);

// What a step reads: words, which of them count, and the answers.
using var inputs = new StepInputs(device, [.. IndexBatch.Inputs("words", Batch, Length), new("mask", new Shape(Batch, Length), ElementType.Int32), new("answers", new Shape(Batch), ElementType.Int32)]);
inputs.Upload<int>("mask", Enumerable.Repeat(1, Batch * Length).ToArray());

using var adam = new Adam(device, parameters);
var schedule = new LearningRateSchedule(peakRate: 1e-2, warmUpSteps: steps / 15, totalSteps: steps);
using var training = TrainingStep.Build(device, parameters, adam, inputs, tape => SoftmaxCrossEntropy.Forward(tape, Logits(tape), inputs["answers"]), seed: 1);
for (int step = 0; step < steps; step++)
{
    Draw();
    training.Run(schedule.RateAt(step));
    if ((step + 1) % 50 == 0)
        Console.WriteLine($"step {step + 1}, loss {training.Loss():F4}");
}

using var inference = InferenceStep.Build(device, inputs, Logits);
int right = 0;
for (int batch = 0; batch < 8; batch++)
{
    int[] answers = Draw();
    inference.Run();
    float[] logits = device.Read<float>(inference.Result);
    right += Enumerable.Range(0, Batch).Count(i => logits[2 * i + 1] > logits[2 * i] == (answers[i] == 1));
}
Console.WriteLine($"accuracy {right / (8.0 * Batch):F3}");

Tensor Logits(Tape tape)
{
    var hidden = layer.Forward(tape, embedding.Forward(tape, IndexBatch.Of(inputs, "words")), inputs["mask"]); // [Batch, Length, Width]
    return classifier.Forward(tape, MeanPool.Forward(tape, hidden));
}

int[] Draw() // makes a batch of sentences, uploads it and returns the answers
{
    int[] words = new int[Batch * Length], answers = new int[Batch];
    for (int i = 0; i < Batch; i++)
    {
        for (int j = 0; j < Length; j++)
            words[i * Length + j] = random.Next(Dog + 1, Words);
        int cat = random.Next(Length), dog = (cat + random.Next(1, Length)) % Length;
        (words[i * Length + cat], words[i * Length + dog], answers[i]) = (Cat, Dog, cat < dog ? 1 : 0);
    }
    IndexBatch.Upload(inputs, "words", words, Words);
    inputs.Upload<int>("answers", answers);
    return answers;
}
