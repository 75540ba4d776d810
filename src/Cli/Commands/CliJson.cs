using System.Text.Json.Serialization;
using VideoSim.Engine.Checks;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Import;
using VideoSim.Models.Profiling;
using VideoSim.Models.Records;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary>JSON of results that only the command line has.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(DeviceList))]
[JsonSerializable(typeof(Score))]
[JsonSerializable(typeof(RecordInspection))]
[JsonSerializable(typeof(VerifyResult))]
[JsonSerializable(typeof(ImportResult))]
[JsonSerializable(typeof(SynthResult))]
[JsonSerializable(typeof(TrainingResult))]
[JsonSerializable(typeof(IReadOnlyList<TrainingResult>))]
[JsonSerializable(typeof(EmbedResult))]
[JsonSerializable(typeof(EnsembleResult))]
[JsonSerializable(typeof(IndexDescription))]
[JsonSerializable(typeof(ExportResult))]
[JsonSerializable(typeof(EmbeddingExportResult))]
[JsonSerializable(typeof(ServerResult))]
[JsonSerializable(typeof(ConversionResult))]
[JsonSerializable(typeof(StepResult))]
[JsonSerializable(typeof(CompileResult))]
[JsonSerializable(typeof(EmulatorResult))]
[JsonSerializable(typeof(CleanResult))]
[JsonSerializable(typeof(NewKernelResult))]
[JsonSerializable(typeof(IReadOnlyList<OfficialFile>))]
[JsonSerializable(typeof(IReadOnlyList<FoldRow>))]
[JsonSerializable(typeof(IReadOnlyList<KernelRow>))]
[JsonSerializable(typeof(IReadOnlyList<CheckedKernel>))]
[JsonSerializable(typeof(IReadOnlyList<ShownKernel>))]
[JsonSerializable(typeof(IReadOnlyList<CompiledKernel>))]
[JsonSerializable(typeof(IReadOnlyList<CheckedCase>))]
[JsonSerializable(typeof(KernelBenchReport))]
[JsonSerializable(typeof(BenchComparison))]
[JsonSerializable(typeof(PresetDescription))]
[JsonSerializable(typeof(IReadOnlyList<PresetRow>))]
internal sealed partial class CliJson : JsonSerializerContext;
