using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>A recorded plan as a CUDA graph: one call launches all of it. The plan owns it and frees it.</summary>
internal sealed class CudaGraph(CudaContext context, nint stream) : IDisposable
{
    private nint _executable;

    /// <summary>Launches that were captured; 0 before the first capture.</summary>
    public int Launches { get; private set; }

    /// <summary>Whether the graph runs on that stream.</summary>
    public bool IsOf(nint other) => stream == other;

    /// <summary>
    /// Captures the launches of a plan. The plan must have run once before: its first run also loads modules and
    /// allocates memory, which cannot be part of a graph.
    /// </summary>
    public void Capture(PlanStream plan, CudaStream target)
    {
        Free();
        nint graph = 0;
        context.Check(cuStreamBeginCapture_v2(stream, CaptureOfThisThread), nameof(cuStreamBeginCapture_v2));
        try
        {
            int code;
            try
            {
                plan.GiveTo(target);
            }
            finally
            {
                code = cuStreamEndCapture(stream, out graph); // always: until then the stream cannot be used
            }
            context.Check(code, nameof(cuStreamEndCapture));
            context.Check(cuGraphInstantiateWithFlags(out _executable, graph, 0), nameof(cuGraphInstantiateWithFlags));
            context.Add(this);
            Launches = plan.Count;
        }
        finally
        {
            if (graph != 0)
                context.CheckRelease(() => cuGraphDestroy(graph), nameof(cuGraphDestroy));
        }
    }

    /// <summary>Launches the graph on the stream.</summary>
    public void Launch() => context.Check(cuGraphLaunch(_executable, stream), nameof(cuGraphLaunch));

    public void Dispose() => Free();

    private void Free()
    {
        if (context.Remove(this))
        {
            context.MakeCurrent();
            context.CheckRelease(() => cuGraphExecDestroy(_executable), nameof(cuGraphExecDestroy));
        }
        (_executable, Launches) = (0, 0);
    }
}
