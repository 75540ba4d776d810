using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>An order of device work. Kernels given to it run one after the other.</summary>
public abstract unsafe class ComputeStream : IDisposable
{
    /// <summary>Runs a kernel on typed arguments.</summary>
    public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged
    {
        fixed (TArgs* pointer = &args)
            Launch(kernel, pointer, sizeof(TArgs));
    }

    /// <summary>Runs a kernel; the arguments are copied before this returns.</summary>
    public abstract void Launch(Kernel kernel, void* args, int bytes);

    /// <summary>Begins a function, which the launches that follow compute. Only a stream that counts keeps what it has to touch.</summary>
    /// <param name="function">Inputs and results in words, such as <c>x, dY -> dX</c>.</param>
    /// <param name="touches">What is read and what is written.</param>
    public virtual void Touches(string function, params ReadOnlySpan<Touch> touches) { }

    /// <summary>Goes on with a function that was begun under this text: forward and backward that are judged together.</summary>
    /// <inheritdoc cref="Touches"/>
    public virtual void TouchesMore(string function, params ReadOnlySpan<Touch> touches) { }

    /// <summary>The launches that follow belong to no function until the next one begins.</summary>
    internal virtual void EndFunction() { }

    /// <summary>Waits until everything given to the stream is done.</summary>
    public virtual void Synchronize() { }

    /// <summary>The same before memory is freed: a failure that was reported is not reported again.</summary>
    public virtual void Drain() => Synchronize();

    /// <summary>Runs what a plan recorded; a stream may keep its own form of the plan with it.</summary>
    internal virtual void Replay(PlanStream plan) => plan.GiveTo(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the stream owns.</summary>
    protected virtual void Dispose(bool disposing) { }
}
