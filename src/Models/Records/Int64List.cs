namespace VideoSim.Models.Records;

/// <summary>
/// The values of an int64 feature, in order, packed or not. It is a view of the payload; each enumeration decodes it
/// again.
/// </summary>
public readonly ref struct Int64List
{
    private readonly ReadOnlySpan<byte> _encoded;

    private Int64List(ReadOnlySpan<byte> encoded, int count)
    {
        _encoded = encoded;
        Count = count;
    }

    /// <summary>Number of values.</summary>
    public int Count { get; }

    /// <summary>Enumerates the values, for <c>foreach</c>.</summary>
    public Enumerator GetEnumerator() => new(_encoded);

    /// <summary>Checks and counts an encoded Int64List message.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> encoded, out Int64List list)
    {
        int count = 0;
        var values = new Enumerator(encoded);
        while (values.MoveNext())
            count++;

        list = new Int64List(encoded, count);
        return !values.Malformed;
    }

    /// <summary>Enumerates the values.</summary>
    public ref struct Enumerator
    {
        private WireReader _reader;
        private WireReader _packed;

        internal Enumerator(ReadOnlySpan<byte> encoded)
        {
            _reader = new WireReader(encoded);
            _packed = new WireReader([]);
        }

        /// <summary>The current value.</summary>
        public long Current { get; private set; }

        internal bool Malformed { get; private set; }

        /// <summary>Moves to the next value; false after the last one.</summary>
        public bool MoveNext()
        {
            while (_packed.AtEnd)
            {
                if (_reader.AtEnd)
                    return false;

                // Int64List { repeated int64 value = 1; }, where a packed run of values is one length-delimited field.
                if (!_reader.TryReadTag(out uint field, out var type))
                    return Fail();

                if (field == 1 && type == WireType.Varint)
                    return TakeFrom(ref _reader);

                if (field == 1 && type == WireType.LengthDelimited)
                {
                    if (!_reader.TryReadBytes(out var run))
                        return Fail();

                    _packed = new WireReader(run);
                }
                else if (!_reader.TrySkip(type))
                {
                    return Fail();
                }
            }

            return TakeFrom(ref _packed);
        }

        private bool TakeFrom(ref WireReader source)
        {
            if (!source.TryReadVarint(out ulong value))
                return Fail();

            Current = (long)value;
            return true;
        }

        private bool Fail()
        {
            Malformed = true;
            return false;
        }
    }
}
