namespace VideoSim.Engine;

/// <summary>
/// Something that came from outside is wrong: a file, a record, a field, an option. The message is one clear line that
/// names it; the command line prints that line alone and exits with 1.
/// </summary>
public sealed class DataException : Exception
{
    /// <summary>Reports bad input.</summary>
    /// <param name="message">One line naming the file, record, field or option and what is wrong with it.</param>
    public DataException(string message) : base(message) { }

    /// <summary>Reports bad input found while handling another failure.</summary>
    public DataException(string message, Exception inner) : base(message, inner) { }
}
