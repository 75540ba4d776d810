namespace VideoSim.Models.Records;

/// <summary>
/// The entries of a bytes feature, in order. It is a view of the payload; each enumeration decodes it again.
/// </summary>
public readonly ref struct BytesList
{
    private readonly ReadOnlySpan<byte> _encoded;

    private BytesList(ReadOnlySpan<byte> encoded, int count)
    {
        _encoded = encoded;
        Count = count;
    }

    /// <summary>Number of entries.</summary>
    public int Count { get; }

    /// <summary>Enumerates the entries, for <c>foreach</c>.</summary>
    public Enumerator GetEnumerator() => new(_encoded);

    /// <summary>Checks and counts an encoded BytesList message.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> encoded, out BytesList list)
    {
        int count = 0;
        var entries = new Enumerator(encoded);
        while (entries.MoveNext())
            count++;

        list = new BytesList(encoded, count);
        return !entries.Malformed;
    }

    /// <summary>Enumerates the entries.</summary>
    public ref struct Enumerator
    {
        private WireReader _reader;
        private ReadOnlySpan<byte> _current;

        internal Enumerator(ReadOnlySpan<byte> encoded) => _reader = new WireReader(encoded);

        /// <summary>The current entry.</summary>
        public readonly ReadOnlySpan<byte> Current => _current;

        internal bool Malformed { get; private set; }

        /// <summary>Moves to the next entry; false after the last one.</summary>
        public bool MoveNext()
        {
            while (!_reader.AtEnd)
            {
                // BytesList { repeated bytes value = 1; }
                if (!_reader.TryReadTag(out uint field, out var type))
                    return Fail();

                if (field == 1 && type == WireType.LengthDelimited)
                    return _reader.TryReadBytes(out _current) || Fail();

                if (!_reader.TrySkip(type))
                    return Fail();
            }

            return false;
        }

        private bool Fail()
        {
            Malformed = true;
            return false;
        }
    }
}
