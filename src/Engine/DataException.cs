namespace VideoSim.Engine;

/// <summary>
/// An input of the program is wrong: a file, a record, a field or an option. The message is one line that names it.
/// The command line prints only that line and exits with 1.
/// </summary>
public sealed class DataException : Exception
{
    /// <summary>Reports bad input.</summary>
    /// <param name="message">One line naming the file, record, field or option and the error.</param>
    public DataException(string message) : base(message) { }

    /// <summary>Reports bad input found while handling another failure.</summary>
    public DataException(string message, Exception inner) : base(message, inner) { }
}
