using System.Collections.Frozen;
using System.Globalization;

namespace VideoSim.Import.Parquet;

/// <summary>
/// The types of values in Thrift's compact protocol. A Boolean of a struct is its type alone: True or False.
/// </summary>
internal enum ThriftType : byte
{
    Stop, True, False, Byte, I16, I32, I64, Double, Binary, List, Set, Map, Struct,
}

/// <summary>
/// The type of a field: that of its value, that of the items if it is a list, and the shape if either is a struct.
/// </summary>
internal sealed record ThriftField(ThriftType Type, ThriftType Item, ThriftShape? Shape);

/// <summary>
/// The fields of a struct of Parquet's metadata, as Parquet.Net 6.1.0 has them in its parquet.thrift. The library
/// reads a field as this type, whatever type the file gives.
/// </summary>
/// <param name="Name">Name of the struct.</param>
/// <param name="IsKept">Whether its values are needed; those of the others are only checked.</param>
internal sealed record ThriftShape(string Name, bool IsKept)
{
    // Structs come after those that they contain. A star marks those whose values are needed. [x] is a list of x.
    private const string Definitions = """
        Empty
        SizeStatistics 1:i64 2:[i64] 3:[i64]
        BoundingBox 1:double 2:double 3:double 4:double 5:double 6:double 7:double 8:double
        GeospatialStatistics 1:BoundingBox 2:[i32]
        Statistics 1:binary 2:binary 3:i64 4:i64 5:binary 6:binary 7:bool 8:bool
        DecimalType 1:i32 2:i32
        TimeUnit 1:Empty 2:Empty 3:Empty
        TimeType 1:bool 2:TimeUnit
        IntType 1:i8 2:bool
        VariantType 1:i8
        GeometryType 1:binary
        GeographyType 1:binary 2:i32
        LogicalType 1:Empty 2:Empty 3:Empty 4:Empty 5:DecimalType 6:Empty 7:TimeType 8:TimeType 10:IntType 11:Empty 12:Empty 13:Empty 14:Empty 15:Empty 16:VariantType 17:GeometryType 18:GeographyType
        *SchemaElement 1:i32 2:i32 3:i32 4:binary 5:i32 6:i32 7:i32 8:i32 9:i32 10:LogicalType
        *DataPageHeader 1:i32 2:i32 3:i32 4:i32 5:Statistics
        *DictionaryPageHeader 1:i32 2:i32 3:bool
        *DataPageHeaderV2 1:i32 2:i32 3:i32 4:i32 5:i32 6:i32 7:bool 8:Statistics
        *PageHeader 1:i32 2:i32 3:i32 4:i32 5:DataPageHeader 6:Empty 7:DictionaryPageHeader 8:DataPageHeaderV2
        KeyValue 1:binary 2:binary
        SortingColumn 1:i32 2:bool 3:bool
        PageEncodingStats 1:i32 2:i32 3:i32
        *ColumnMetaData 1:i32 2:[i32] 3:[binary] 4:i32 5:i64 6:i64 7:i64 8:[KeyValue] 9:i64 10:i64 11:i64 12:Statistics 13:[PageEncodingStats] 14:i64 15:i32 16:SizeStatistics 17:GeospatialStatistics
        ColumnKey 1:[binary] 2:binary
        ColumnCryptoMetaData 1:Empty 2:ColumnKey
        *ColumnChunk 1:binary 2:i64 3:ColumnMetaData 4:i64 5:i32 6:i64 7:i32 8:ColumnCryptoMetaData 9:binary
        *RowGroup 1:[ColumnChunk] 2:i64 3:i64 4:[SortingColumn] 5:i64 6:i64 7:i16
        ColumnOrder 1:Empty
        AesGcm 1:binary 2:binary 3:bool
        EncryptionAlgorithm 1:AesGcm 2:AesGcm
        *FileMetaData 1:i32 2:[SchemaElement] 3:i64 4:[RowGroup] 5:[KeyValue] 6:binary 7:[ColumnOrder] 8:EncryptionAlgorithm 9:binary
        """;

    private static readonly Dictionary<string, ThriftShape> Shapes = Parse();

    /// <summary>The struct at the end of a file.</summary>
    public static ThriftShape FileMetaData { get; } = Shapes["FileMetaData"];

    /// <summary>The struct before each page.</summary>
    public static ThriftShape PageHeader { get; } = Shapes["PageHeader"];

    /// <summary>The fields by their numbers.</summary>
    public required FrozenDictionary<int, ThriftField> Fields { get; init; }

    private static Dictionary<string, ThriftShape> Parse()
    {
        var shapes = new Dictionary<string, ThriftShape>();
        foreach (string line in Definitions.Split('\n'))
        {
            string[] words = line.Split(' ');
            string name = words[0].TrimStart('*');
            var fields = words.Skip(1).Select(static word => word.Split(':')).ToFrozenDictionary(static field => int.Parse(field[0], CultureInfo.InvariantCulture), field => FieldOf(field[1], shapes));
            shapes.Add(name, new ThriftShape(name, name != words[0]) { Fields = fields });
        }
        return shapes;
    }

    private static ThriftField FieldOf(string type, Dictionary<string, ThriftShape> shapes)
    {
        string item = type.Trim('[', ']');
        var shape = shapes.GetValueOrDefault(item);
        var itemType = item switch
        {
            "bool" => ThriftType.True,
            "i8" => ThriftType.Byte,
            "i16" => ThriftType.I16,
            "i32" => ThriftType.I32,
            "i64" => ThriftType.I64,
            "double" => ThriftType.Double,
            "binary" => ThriftType.Binary,
            _ => shape is null ? throw new InvalidOperationException($"there is no struct {item}") : ThriftType.Struct,
        };
        return item == type ? new ThriftField(itemType, ThriftType.Stop, shape) : new ThriftField(ThriftType.List, itemType, shape);
    }
}
