using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;

namespace VideoSim.Fuzz;

/// <summary>One format that the program reads: valid inputs, their mutation, and what reading must give.</summary>
/// <param name="name">Its name in commands and in the names of folders.</param>
/// <param name="file">Name of the file that is read.</param>
/// <param name="reader">The code that reads it, for the list of formats.</param>
internal abstract class Format(string name, string file, string reader)
{
    private const int Kilobyte = 1 << 10, Megabyte = 1 << 20;

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>Name of the file that is read.</summary>
    public string FileName => file;

    /// <summary>The code that reads it.</summary>
    public string Reader => reader;

    /// <summary>Size of the longest input that is made.</summary>
    public virtual int MostBytes => 64 * Kilobyte;

    /// <summary>
    /// Bytes that reading may allocate for each input. Another <see cref="BytesPerByte"/> are allowed for each byte
    /// of it.
    /// </summary>
    public virtual long FreeBytes => 16 * Megabyte;

    /// <summary>Bytes that reading may allocate for each byte of an input, the comparison included.</summary>
    public virtual long BytesPerByte => 1_000;

    /// <summary>
    /// Time that reading may always take. A limit of 50 times the median alone would report pauses of the garbage
    /// collector and of a busy machine.
    /// </summary>
    public virtual TimeSpan FreeTime => TimeSpan.FromSeconds(0.1);

    /// <summary>Whether a message must name the file. Formats that are options have none.</summary>
    public virtual bool NamesFile => true;

    /// <summary>Valid inputs. Each must be read without an error.</summary>
    public abstract IEnumerable<byte[]> Seeds();

    /// <summary>Changes an input. Formats with lengths and checksums mend them.</summary>
    public virtual byte[] Mutate(Mutator mutator, byte[] input) => mutator.Bytes(input);

    /// <summary>Makes the other files that reading needs, once.</summary>
    public virtual void Prepare(string folder)
    {
    }

    /// <summary>Reads a file, and compares what was read with an independent reader.</summary>
    /// <param name="path">The file. It has the bytes of the input.</param>
    /// <param name="input">The bytes.</param>
    /// <exception cref="DataException">The reader refuses the file.</exception>
    /// <exception cref="WrongValueException">What was read is wrong.</exception>
    public abstract void Read(string path, byte[] input);
}
