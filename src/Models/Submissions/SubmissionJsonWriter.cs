using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace VideoSim.Models.Submissions;

/// <summary>Writes the JSON of a submission: one object, id to list of numbers. All threads format rows.</summary>
internal static class SubmissionJsonWriter
{
    // Rows that a thread formats at a time: some 80 KB of text at 256 values.
    private const int RowsPerPiece = 16;

    // The stream gets whole rows as soon as there are more bytes than this.
    private const int BufferBytes = 1 << 16;

    private static readonly JsonWriterOptions Options = new()
    {
        // Ids stay readable. The JSON is not put into a web page, so it needs no further escaping.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write(Stream stream, EmbeddingTable table, EmbeddingRounding rounding, string path, int threads)
    {
        var pending = new ArrayBufferWriter<byte>(2 * BufferBytes);
        int rows = 0;
        var work = new OrderedWork<Piece>(
            piece =>
            {
                piece.Rows = (rows, Math.Min(rows + RowsPerPiece, table.Ids.Count));
                rows = piece.Rows.To;
                return piece.Rows.From < piece.Rows.To;
            },
            piece => piece.Format(table, rounding, path),
            piece =>
            {
                for (int row = piece.Rows.From; row < piece.Rows.To; row++)
                {
                    pending.Write(row == 0 ? "{"u8 : ","u8);
                    pending.Write(piece[row]);
                    if (pending.WrittenCount > BufferBytes)
                        Flush();
                }
            });
        work.Run(threads, () => new Piece(table.Width));
        pending.Write("}"u8);
        Flush();

        // The bytes of a deflated stream depend on where it is flushed: at the same rows for any number of threads.
        void Flush()
        {
            stream.Write(pending.WrittenSpan);
            stream.Flush();
            pending.ResetWrittenCount();
        }
    }

    /// <summary>Some rows as text.</summary>
    private sealed class Piece(int width)
    {
        private readonly ArrayBufferWriter<byte> _text = new();
        private readonly int[] _ends = new int[RowsPerPiece];
        private readonly double[] _rounded = new double[width];

        public (int From, int To) Rows { get; set; }

        /// <summary>The text of a row, without the brace or comma that the JSON writer puts before it.</summary>
        public ReadOnlySpan<byte> this[int row] => _text.WrittenSpan[(End(row - 1) + 1)..End(row)];

        public void Format(EmbeddingTable table, EmbeddingRounding rounding, string path)
        {
            _text.ResetWrittenCount();
            using var json = new Utf8JsonWriter(_text, Options);
            json.WriteStartObject();
            for (int row = Rows.From; row < Rows.To; row++)
            {
                Rounding.Round(table, row, rounding, _rounded, path);
                json.WriteStartArray(table.Ids[row]);
                foreach (double value in _rounded)
                    json.WriteNumberValue(value);
                json.WriteEndArray();
                json.Flush();
                _ends[row - Rows.From] = _text.WrittenCount;
            }
        }

        private int End(int row) => row < Rows.From ? 0 : _ends[row - Rows.From];
    }
}
