using System.Diagnostics;
using k8s;
using k8s.Models;
using Xunit;

namespace VideoSim.Examples.Tests;

/// <summary>
/// The files of examples/kubernetes have only what Kubernetes knows, fit together, and call the program as they
/// should. No cluster runs them.
/// </summary>
public sealed class KubernetesTests
{
    private const int Pretrainings = 6, Folds = 66;

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "kubernetes");
    private static readonly object[] Objects = [.. Directory.GetFiles(Folder, "*.yaml").Order(StringComparer.Ordinal).SelectMany(static file => Load(File.ReadAllText(file)))];
    private static readonly V1Job[] Jobs = [.. Objects.OfType<V1Job>()];

    [Theory]
    [InlineData("completions: 6", "completion: 6")] // no field of Kubernetes
    [InlineData("completions: 6", "completions: 6\n  completions: 6")]
    public void Load_FileWithAMistake_IsRefused(string right, string wrong)
    {
        string text = File.ReadAllText(Path.Combine(Folder, "1-pretrainings.yaml"));
        Assert.Contains(right, text, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => Load(text.Replace(right, wrong, StringComparison.Ordinal)));
    }

    [Fact]
    public void Commands_OfAllJobs_DoEveryPartOnceAndThenCollect()
    {
        Assert.Equal([Pretrainings, Folds, null], Jobs.Select(static job => job.Spec.Completions));
        Assert.Equal(["reproduce --folds 11 --part 1", $"reproduce --folds 11 --part {Pretrainings}"], CallEnds(Jobs[0]));
        Assert.Equal([$"reproduce --folds 11 --part {Pretrainings + 1}", $"reproduce --folds 11 --part {Pretrainings + Folds}"], CallEnds(Jobs[1]));
        Assert.Equal("reproduce --folds 11 --collect", Call(Jobs[2], index: null));

        static string[] CallEnds(V1Job job) => [Call(job, 0), Call(job, job.Spec.Completions - 1)];
    }

    [Fact]
    public void Jobs_OfAllFiles_UseTheOneVolumeAndTheOneListOfOptions()
    {
        var volume = Assert.Single(Objects.OfType<V1PersistentVolumeClaim>());
        var options = Assert.Single(Objects.OfType<V1ConfigMap>());
        Assert.Equal(["ReadWriteMany"], volume.Spec.AccessModes);
        Assert.Equal(Objects.Length, Jobs.Length + 2);
        foreach (var pod in Jobs.Select(static job => job.Spec.Template.Spec))
        {
            var container = Assert.Single(pod.Containers);
            Assert.Equal(options.Metadata.Name, Assert.Single(container.EnvFrom).ConfigMapRef.Name);
            Assert.Equal(volume.Metadata.Name, Assert.Single(pod.Volumes).PersistentVolumeClaim.ClaimName);
            Assert.Equal(pod.Volumes[0].Name, Assert.Single(container.VolumeMounts).Name);
            Assert.All(Paths(options.Data["OPTIONS"]), path => Assert.StartsWith($"{container.VolumeMounts[0].MountPath}/", path, StringComparison.Ordinal));
        }

        static IEnumerable<string> Paths(string options) => options.Split(' ', '=').Where(static word => word.Contains('/', StringComparison.Ordinal));
    }

    // The API server refuses a job otherwise.
    [Fact]
    public void Policies_OfIndexedJobs_GoTogether()
    {
        foreach (var spec in Jobs.Select(static job => job.Spec).Where(static spec => spec.CompletionMode == "Indexed"))
        {
            Assert.Equal((true, "Never", "Failed"), (spec.BackoffLimitPerIndex > 0, spec.Template.Spec.RestartPolicy, spec.PodReplacementPolicy));
            var rule = Assert.Single(spec.PodFailurePolicy.Rules);
            Assert.Equal(("Ignore", "DisruptionTarget"), (rule.Action, Assert.Single(rule.OnPodConditions).Type));
        }
    }

    private static List<object> Load(string yaml) => KubernetesYaml.LoadAllFromString(yaml, strict: true);

    // Runs the command of a pod with /bin/echo in the place of videosim.
    private static string Call(V1Job job, int? index)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            File.CreateSymbolicLink(Path.Combine(folder.FullName, "videosim"), "/bin/echo");
            var command = Assert.Single(job.Spec.Template.Spec.Containers).Command;
            var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true };
            start.Environment["PATH"] = folder.FullName;
            start.Environment["OPTIONS"] = "--folds 11";
            start.Environment["JOB_COMPLETION_INDEX"] = $"{index}";
            using var process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd().TrimEnd();
            process.WaitForExit();
            return output;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
