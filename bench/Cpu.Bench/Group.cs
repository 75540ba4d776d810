using BenchmarkDotNet.Attributes;

namespace VideoSim.Cpu.Bench;

/// <summary>A group of subjects. BenchmarkDotNet derives a class from it and runs every subject.</summary>
public abstract class Group
{
    /// <summary>The subjects, in the order of the results.</summary>
    public abstract IEnumerable<Subject> Subjects { get; }

    /// <summary>Numbers of threads that each subject is measured with: one and all.</summary>
    public virtual IEnumerable<int> ThreadCounts => new[] { 1, Environment.ProcessorCount }.Distinct();

    /// <summary>The subject that is measured.</summary>
    [ParamsSource(nameof(Subjects))]
    public Subject Subject { get; set; } = null!;

    /// <summary>Threads that share its work.</summary>
    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; }

    /// <summary>Takes memory.</summary>
    [GlobalSetup]
    public void Prepare() => Subject.Prepare(Threads);

    /// <summary>What is timed.</summary>
    [Benchmark]
    public void Run() => Subject.Run();

    /// <summary>Frees memory.</summary>
    [GlobalCleanup]
    public void Release() => Subject.Release();
}

/// <summary>A group whose subjects use one thread.</summary>
public abstract class OneThreadGroup : Group
{
    /// <inheritdoc/>
    public override IEnumerable<int> ThreadCounts => [1];
}
