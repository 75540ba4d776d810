namespace VideoSim.Cli.Commands;

/// <summary>The result of <c>data synth --json</c>.</summary>
internal sealed record SynthResult(string OutputDir, ulong Seed, int Videos, int Pairs, int PairVideos, int TestVideos, int TestPairs, int FrameWidth);

/// <summary>The result of <c>embed --json</c>.</summary>
/// <param name="Files">The files written: that of --output and, for .npy, that of the ids.</param>
/// <param name="Embeddings">Number of embeddings.</param>
/// <param name="Width">Values of an embedding.</param>
/// <param name="Model">Canonical name of the model.</param>
/// <param name="Checkpoint">Folder of the model.</param>
/// <param name="Device">Name of the device.</param>
internal sealed record EmbedResult(IReadOnlyList<string> Files, int Embeddings, int Width, string Model, string Checkpoint, string Device);

/// <summary>The result of <c>ensemble --json</c>.</summary>
/// <param name="Files">The files written: that of --output and, for .npy, that of the ids.</param>
/// <param name="Embeddings">Number of embeddings.</param>
/// <param name="Width">Values of an embedding.</param>
/// <param name="Inputs">Number of input files.</param>
/// <param name="Weights">The weight of each input; null for the mean.</param>
/// <param name="Normalized">Whether embeddings were scaled to length 1 first.</param>
internal sealed record EnsembleResult(IReadOnlyList<string> Files, int Embeddings, int Width, int Inputs, IReadOnlyList<double>? Weights, bool Normalized);

/// <summary>What <c>serve --json</c> prints when it listens.</summary>
/// <param name="Address">Its address, such as http://127.0.0.1:8080.</param>
/// <param name="Videos">Videos that are searched.</param>
/// <param name="Checkpoint">Folder of the model; null without one.</param>
internal sealed record ServerResult(string Address, long Videos, string? Checkpoint);

/// <summary>The result of <c>export --format --json</c>.</summary>
/// <param name="File">The file written.</param>
/// <param name="Format">Program that it is for.</param>
/// <param name="Embeddings">Number of embeddings.</param>
/// <param name="Width">Values of an embedding.</param>
internal sealed record EmbeddingExportResult(string File, string Format, int Embeddings, int Width);

/// <summary>The result of <c>export --onnx --json</c>.</summary>
internal sealed record ExportResult(string File, string Model, string Checkpoint, long WeightBytes);

/// <summary>The result of <c>inspect --step --json</c>.</summary>
internal sealed record StepResult(string File, string Checkpoint, string Device);

/// <summary>The result of <c>kernels compile --json</c>.</summary>
/// <param name="Kernels">Number of kernels compiled.</param>
/// <param name="Compiler">Version of NVRTC.</param>
/// <param name="OutputDir">Folder of the compiled kernels; null if none is written.</param>
/// <param name="Files">Number of files written.</param>
/// <param name="Differences">Kernels of which the resources differ from the repository's table, one line each.</param>
internal sealed record CompileResult(int Kernels, string Compiler, string? OutputDir, int Files, IReadOnlyList<string> Differences);

/// <summary>The result of <c>kernels build-emulator --json</c>.</summary>
internal sealed record EmulatorResult(string Folder);

/// <summary>The result of <c>kernels clean --json</c>.</summary>
/// <param name="Folder">The cache folder.</param>
/// <param name="Bytes">Bytes freed.</param>
internal sealed record CleanResult(string Folder, long Bytes);
