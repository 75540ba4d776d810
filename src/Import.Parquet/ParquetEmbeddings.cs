using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Submissions;

namespace VideoSim.Import.Parquet;

/// <summary>
/// Embeddings in a Parquet file: the columns <c>id</c>, text, and <c>embedding</c>, lists of floating-point numbers,
/// and in the metadata of the file what computed them. A column <c>title</c> and others are not read. Memory holds one
/// row group at a time.
/// </summary>
public sealed class ParquetEmbeddings : IParquetEmbeddings
{
    internal const string Id = "id", Title = "title", Embedding = "embedding";

    /// <summary>The key of the metadata, whose text is the JSON of <see cref="EmbeddingOrigin"/>.</summary>
    internal const string OriginKey = "videosim.origin";

    /// <inheritdoc/>
    public EmbeddingOrigin? Read(string path, Action<string, ReadOnlySpan<double>> add)
    {
        using var file = ParquetFile.Open(path);
        var (idField, embeddingField) = file.Checked(() => (Column(file, path, Id), Column(file, path, Embedding)));
        for (int i = 0; i < file.Groups.Count; i++)
        {
            int index = i;
            var (ids, embeddings) = file.Checked(() => ReadGroup(file, path, index, idField, embeddingField));
            for (int row = 0; row < file.Groups[index].Rows; row++)
            {
                string? id = ids[row];
                if (id is null || id == (object)ParquetValues.NotUtf8)
                    throw new DataException($"{path}: row {row + 1} of row group {index + 1} has {(id is null ? "no id" : "an id that is not valid UTF-8")}");
                add(id, embeddings(row) ?? throw new DataException($"{path}: id {Printable.Quote(id)} has nulls in its embedding, or none"));
            }
        }
        return OriginOf(file);
    }

    /// <inheritdoc/>
    public EmbeddingOrigin? OriginOf(string path)
    {
        using var file = ParquetFile.Open(path);
        return OriginOf(file);
    }

    private static EmbeddingOrigin? OriginOf(ParquetFile file) => file.Checked(() => file.Texts.GetValueOrDefault(OriginKey)) is { } text ? EmbeddingOrigin.Parse(text) : null;

    private static DataField Column(ParquetFile file, string path, string name)
    {
        var found = file.Fields.Where(field => field.Name == name).ToArray();
        bool isList = name == Embedding;
        var field = found switch
        {
            [] => throw new DataException($"{path}: has no column '{name}'"),
            [DataField data] => data,
            [ListField { Item: DataField item }] => item,
            [_] => throw new DataException($"{path}: the column '{name}' has values of several parts"),
            _ => throw new DataException($"{path}: has the column '{name}' twice"),
        };
        return field.MaxRepetitionLevel == (isList ? 1 : 0) ? field : throw new DataException($"{path}: the column '{name}' has {(isList ? "no lists of numbers" : "lists; expected text")}");
    }

    private static (ParquetValues Ids, Func<int, double[]?> Embeddings) ReadGroup(ParquetFile file, string path, int index, DataField id, DataField embedding)
    {
        int rows = file.Groups[index].Rows;
        var group = file.OpenGroup(index, [Id, Embedding]);
        var ids = ParquetValues.Read(group, id, rows, file.ValuesOf(index, id), takesNumbers: true) ?? throw new DataException($"{path}: the column '{Id}' has values of type {id.ClrType.Name}; expected text or whole numbers");
        var embeddings = ParquetValues.ReadNumbers(group, embedding, rows, file.ValuesOf(index, embedding)) ?? throw new DataException($"{path}: the column '{Embedding}' has values of type {embedding.ClrType.Name}; expected float or double");
        return (ids, embeddings);
    }
}
