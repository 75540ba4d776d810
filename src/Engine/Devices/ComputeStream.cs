using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// A queue of device work. Its kernels run one after the other, except that those of a branch may run beside later
/// ones.
/// </summary>
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

    /// <summary>
    /// Begins a group of launches that do not depend on each other. The CPU runs a group like one launch: its threads
    /// meet once for all of it. Other streams run the launches one by one.
    /// </summary>
    public LaunchGroup Group()
    {
        BeginGroup();
        return new LaunchGroup(this);
    }

    /// <summary>Begins a group.</summary>
    internal virtual void BeginGroup() { }

    /// <summary>Ends the group, if one was begun: what follows may depend on its launches.</summary>
    internal virtual void EndGroup() { }

    /// <summary>Whether launches of a branch may run beside later ones.</summary>
    public virtual bool HasBranches => false;

    /// <summary>
    /// Begins a branch. Its launches need all launches before them, also those of earlier branches; the launches after
    /// it do not need its own until <see cref="Join"/>. A stream that has no branches runs it in order.
    /// </summary>
    public LaunchBranch Branch()
    {
        BeginBranch();
        return new LaunchBranch(this);
    }

    /// <summary>Begins a branch.</summary>
    internal virtual void BeginBranch() { }

    /// <summary>Ends the branch, if one was begun.</summary>
    internal virtual void EndBranch() { }

    /// <summary>The launches that follow may depend on those of all branches so far.</summary>
    internal virtual void Join() { }

    /// <summary>
    /// The launches that follow may depend on those of all branches before the last call of this. So a branch has the
    /// time between two calls, and the memory that it uses is free after it.
    /// </summary>
    internal virtual void JoinEarlier() { }

    /// <summary>Begins a function. The launches that follow compute it. Only a stream that counts uses this.</summary>
    /// <param name="function">Inputs and results in words, such as <c>x, dY -> dX</c>.</param>
    /// <param name="touches">The tensors that it must read and write.</param>
    public virtual void Touches(string function, params ReadOnlySpan<Touch> touches) { }

    /// <summary>
    /// Continues the function that was begun with this text: forward and backward are then counted as one.
    /// </summary>
    /// <inheritdoc cref="Touches"/>
    public virtual void TouchesMore(string function, params ReadOnlySpan<Touch> touches) { }

    /// <summary>Ends the function: the launches that follow belong to none until the next one begins.</summary>
    internal virtual void EndFunction() { }

    /// <summary>Waits until all work of the stream is done.</summary>
    public virtual void Synchronize() { }

    /// <summary>The same, before memory is freed: does not report a failure that was reported before.</summary>
    public virtual void Drain() => Synchronize();

    /// <summary>Runs a recorded plan. A stream may store its own form of the plan in it.</summary>
    internal virtual void Replay(PlanStream plan) => plan.GiveTo(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the resources of the stream.</summary>
    protected virtual void Dispose(bool disposing) { }
}

/// <summary>The group of launches that <see cref="ComputeStream.Group"/> began. Disposing ends it.</summary>
public readonly ref struct LaunchGroup(ComputeStream stream)
{
    /// <summary>Ends the group.</summary>
    public void Dispose() => stream.EndGroup();
}

/// <summary>The branch that <see cref="ComputeStream.Branch"/> began. Disposing ends it.</summary>
public readonly ref struct LaunchBranch(ComputeStream stream)
{
    /// <summary>Ends the branch.</summary>
    public void Dispose() => stream.EndBranch();
}
