// Measures the embedding of a batch in VideoSim beside ONNX Runtime, which runs the models that VideoSim exports.
using System.CommandLine;
using Microsoft.ML.OnnxRuntime;
using VideoSim.Peers;
using VideoSim.Peers.Measuring;

Argument<string> job = new("job"), file = new("file");
var export = new Command(InferenceJobs.ExportCommand) { job, file };
export.Hidden = true;
export.SetAction(parsed => PeerProgram.Finish(() => InferenceJobs.Export(parsed.GetValue(job)!, parsed.GetValue(file)!)));
return new PeerProgram("Measures VideoSim beside ONNX Runtime, turn by turn.", [new("infer", "embedding of a batch", InferenceJobs.All)],
    InferenceJobs.Compare, static () => $"OnnxRuntime {OrtEnv.Instance().GetVersionString()}").Run(args, export);
