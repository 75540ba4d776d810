using System.Globalization;
using System.Text;
using Parquet;
using Parquet.Schema;

namespace VideoSim.Import.Parquet;

/// <summary>
/// The values of a column of a row group, as the library gives them. They become texts one row at a time: a dictionary
/// can have a long text that a million rows share.
/// </summary>
internal abstract class ParquetValues
{
    // Stands for a text that is not valid UTF-8. It is compared by reference.
    internal static readonly string NotUtf8 = new('?', 1);

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>
    /// Whether it has lists. A repetition level of 0 begins the list of the next row.
    /// </summary>
    public abstract bool HasLists { get; }

    /// <summary>The value of a row of a column without lists; null if there is none.</summary>
    public abstract string? this[int row] { get; }

    /// <summary>The list of a row of a column with lists.</summary>
    public abstract List<string?> ListOf(int row);

    /// <summary>Bytes of the texts of a row.</summary>
    public abstract long TextBytes(int row);

    /// <summary>Reads a column.</summary>
    /// <param name="group">The library's reader of the row group.</param>
    /// <param name="field">The column.</param>
    /// <param name="rows">Rows of the group.</param>
    /// <param name="count">Values of the column, nulls and empty lists included.</param>
    /// <param name="takesNumbers">Whether whole numbers are taken as texts.</param>
    /// <returns>The values; null if they are of a type that is not taken.</returns>
    /// <exception cref="InvalidDataException">
    /// The library did not write all of them, or they do not fit the rows.
    /// </exception>
    public static ParquetValues? Read(ParquetRowGroupReader group, DataField field, int rows, int count, bool takesNumbers)
    {
        var type = field.ClrType;
        return type == typeof(ReadOnlyMemory<byte>) ? Of<ReadOnlyMemory<byte>>(new byte[1], new byte[1], TextOf, static bytes => bytes.Length)
            : !takesNumbers ? null
            : type == typeof(int) ? Of(int.MinValue + 1, int.MaxValue - 1, Digits)
            : type == typeof(long) ? Of(long.MinValue + 1, long.MaxValue - 1, Digits)
            : type == typeof(uint) ? Of(uint.MaxValue - 1, uint.MaxValue - 2, Digits)
            : type == typeof(ulong) ? Of(ulong.MaxValue - 1, ulong.MaxValue - 2, Digits)
            : type == typeof(short) ? Of(short.MinValue, short.MaxValue, Digits)
            : type == typeof(ushort) ? Of(ushort.MinValue, ushort.MaxValue, Digits)
            : type == typeof(sbyte) ? Of(sbyte.MinValue, sbyte.MaxValue, Digits)
            : type == typeof(byte) ? Of(byte.MinValue, byte.MaxValue, Digits)
            : null;

        ParquetValues Of<T>(T unread, T otherUnread, Func<T, string> text, Func<T, long>? bytes = null) where T : struct, IEquatable<T> =>
            new Values<T>(group, field, rows, count, unread, otherUnread, text, bytes ?? (static _ => sizeof(long)));
    }

    /// <summary>Reads a column of lists of floating-point numbers.</summary>
    /// <returns>
    /// Gives the list of a row; null if it has a null or is none. Itself null if the values are of a type that is not
    /// taken.
    /// </returns>
    /// <inheritdoc cref="Read"/>
    public static Func<int, double[]?>? ReadNumbers(ParquetRowGroupReader group, DataField field, int rows, int count)
    {
        return field.ClrType == typeof(float) ? Of(float.MinValue, float.MaxValue, static value => value)
            : field.ClrType == typeof(double) ? Of(double.MinValue, double.MaxValue, static value => value)
            : null;

        Func<int, double[]?> Of<T>(T unread, T otherUnread, Converter<T, double> widen) where T : struct, IEquatable<T>
        {
            var values = new Values<T>(group, field, rows, count, unread, otherUnread, static _ => "", static _ => 0);
            return row => values.WholeListOf(row) is { } list ? Array.ConvertAll(list, widen) : null;
        }
    }

    private static string Digits<T>(T number) where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private static string TextOf(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            return NotUtf8;
        }
    }

    private sealed class Values<T> : ParquetValues where T : struct, IEquatable<T>
    {
        private readonly DataField _field;
        private readonly Func<T, string> _text;
        private readonly Func<T, long> _bytes;
        private readonly T[] _present;
        private readonly int[]? _definitions;

        // Of each row and behind the last one: the first of its definition levels, and the first of its present
        // values.
        private readonly int[]? _firstLevels;
        private readonly int[]? _firstValues;

        public Values(ParquetRowGroupReader group, DataField field, int rows, int count, T unread, T otherUnread, Func<T, string> text, Func<T, long> bytes)
        {
            (_field, _text, _bytes) = (field, text, bytes);
            (_present, _definitions, int[]? repetitions) = ReadInto(group, count, unread);
            int present = _definitions?.Count(level => level == field.MaxDefinitionLevel) ?? count;
            // A value may be equal to the mark. Then it is the same with another mark.
            if (_present.AsSpan(0, present).Contains(unread) && !ReadInto(group, count, otherUnread).Present.AsSpan(0, present).SequenceEqual(_present.AsSpan(0, present)))
                throw new InvalidDataException($"the column '{field.Name}' has fewer values than it claims");
            if (_definitions is not null)
                (_firstLevels, _firstValues) = Places(rows, repetitions);
        }

        public override bool HasLists => _field.MaxRepetitionLevel > 0;

        public override string? this[int row] => _firstValues is null ? _text(_present[row])
            : _firstValues[row] < _firstValues[row + 1] ? _text(_present[_firstValues[row]]) : null;

        // The highest definition level is that of a value. If values may be null, the one below it is that of a null.
        // A repeated field of the old form has no nulls.
        public override List<string?> ListOf(int row)
        {
            var list = new List<string?>();
            int value = _firstValues![row];
            for (int i = _firstLevels![row]; i < _firstLevels[row + 1]; i++)
            {
                if (_definitions![i] == _field.MaxDefinitionLevel)
                    list.Add(_text(_present[value++]));
                else if (_field.IsNullable && !_field.IsArray && _definitions[i] == _field.MaxDefinitionLevel - 1)
                    list.Add(null);
            }
            return list;
        }

        // The list of a row; null if not all of its values are there.
        public T[]? WholeListOf(int row)
        {
            int from = _firstValues![row], count = _firstValues[row + 1] - from;
            return count == _firstLevels![row + 1] - _firstLevels[row] ? _present.AsSpan(from, count).ToArray() : null;
        }

        public override long TextBytes(int row)
        {
            var (from, to) = _firstValues is null ? (row, row + 1) : (_firstValues[row], _firstValues[row + 1]);
            long bytes = 0;
            foreach (var value in _present.AsSpan(from, to - from))
                bytes += _bytes(value);
            return bytes;
        }

        // The library writes into these arrays. It leaves what it does not find as it was.
        private (T[] Present, int[]? Definitions, int[]? Repetitions) ReadInto(ParquetRowGroupReader group, int count, T unread)
        {
            var present = new T[count];
            Array.Fill(present, unread);
            int[]? definitions = Levels(_field.MaxDefinitionLevel), repetitions = Levels(_field.MaxRepetitionLevel);
            group.ReadRawAsync<T>(_field, present, MemoryOf(definitions), MemoryOf(repetitions)).AsTask().GetAwaiter().GetResult();
            if (IsUnread(definitions, _field.MaxDefinitionLevel) || IsUnread(repetitions, _field.MaxRepetitionLevel))
                throw new InvalidDataException($"the column '{_field.Name}' has fewer values than it claims");
            return (present, definitions, repetitions);

            int[]? Levels(int most)
            {
                if (most == 0)
                    return null;
                int[] levels = new int[count];
                Array.Fill(levels, -1);
                return levels;
            }

            // The conversion of null to Memory would give an empty one.
            static Memory<int>? MemoryOf(int[]? levels) => levels is null ? default(Memory<int>?) : new Memory<int>(levels);

            static bool IsUnread(int[]? levels, int most) => levels?.Any(level => level < 0 || level > most) ?? false;
        }

        private (int[] Levels, int[] Values) Places(int rows, int[]? repetitions)
        {
            int[] levels = new int[rows + 1], values = new int[rows + 1];
            int row = 0, value = 0;
            for (int i = 0; i < _definitions!.Length; i++)
            {
                if ((repetitions?[i] ?? 0) == 0)
                {
                    if (row == rows)
                        throw Wrong();
                    (levels[row], values[row]) = (i, value);
                    row++;
                }
                value += _definitions[i] == _field.MaxDefinitionLevel ? 1 : 0;
            }
            if (row < rows || (repetitions is { Length: > 0 } && repetitions[0] != 0))
                throw Wrong();
            (levels[rows], values[rows]) = (_definitions.Length, value);
            return (levels, values);
        }

        private InvalidDataException Wrong() => new($"the column '{_field.Name}' does not have a value for each row");
    }
}
