using System.Globalization;
using System.Numerics;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained.Torch;

/// <summary>
/// Reads a pickle of weights. A pickle is a program. This reader executes the few operations that PyTorch's files
/// need. It calls no function, and reports the name of any other operation as an error. It does not recurse, and its
/// memory is bounded by the pickle's length.
/// </summary>
internal sealed class Unpickler
{
    // A tensor needs about 30 operations, so thousands of tensors are possible. A hostile file uses some tens of
    // megabytes at most.
    private const int MostOperations = 1 << 18;

    private const int LongestText = 1 << 16;

    private readonly PickleInput _input;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private long _operations;

    private Unpickler(PickleInput input) => _input = input;

    /// <summary>Reads one pickle, up to its end mark.</summary>
    /// <param name="input">At the beginning of the pickle before the call, at its end afterwards.</param>
    /// <returns>The pickle's value, of the types in PickleValues.cs.</returns>
    /// <exception cref="DataException">
    /// The pickle is damaged, too long, or uses something that weights do not need; the message names it.
    /// </exception>
    public static object? Read(PickleInput input) => new Unpickler(input).Run();

    private object? Run()
    {
        while (true)
        {
            CountOperations(1);
            byte operation = _input.Byte();
            if (operation == (byte)'.')
                return Pop();
            Execute(operation);
        }
    }

    // Counts operations and copied items, because a value can be read from the memo and copied any number of times.
    private void CountOperations(int operations)
    {
        _operations += operations;
        if (_operations > MostOperations)
            throw _input.Wrong($"has more than {MostOperations} operations, which no file of weights needs");
    }

    private void Execute(byte operation)
    {
        switch ((char)operation)
        {
            case '\x80': // PROTO
                byte protocol = _input.Byte();
                if (protocol > 5)
                    throw _input.Wrong($"has protocol {protocol}; protocols up to 5 are known");
                break;
            case '\x95': _input.Int64(); break; // FRAME: only a hint for buffering
            case '(': _marks.Add(_stack.Count); break;
            case '0': Pop(); break;
            case 'N': _stack.Add(null); break;
            case '\x88': _stack.Add(true); break;
            case '\x89': _stack.Add(false); break;
            case 'K': _stack.Add((long)_input.Byte()); break;
            case 'M': _stack.Add((long)_input.UInt16()); break;
            case 'J': _stack.Add((long)_input.Int32()); break;
            case '\x8a': PushInteger(_input.Bytes(_input.Byte())); break;
            case 'G': _stack.Add(_input.Double()); break;
            case 'X': _stack.Add(Text(_input.UInt32())); break;
            case '\x8c': _stack.Add(Text(_input.Byte())); break;
            case '\x8d': _stack.Add(Text(_input.Int64())); break;
            case 'U': _stack.Add(Text(_input.Byte())); break; // texts of Python 2
            case 'T': _stack.Add(Text(_input.Int32())); break;
            case 'C': Skip(_input.Byte()); break;
            case 'B': Skip(_input.UInt32()); break;
            case ')': _stack.Add(new PickleTuple([])); break;
            case 't': _stack.Add(new PickleTuple(PopToMark())); break;
            case '\x85': _stack.Add(new PickleTuple(PopSome(1))); break;
            case '\x86': _stack.Add(new PickleTuple(PopSome(2))); break;
            case '\x87': _stack.Add(new PickleTuple(PopSome(3))); break;
            case ']': _stack.Add(new PickleList([])); break;
            case 'l': _stack.Add(new PickleList([.. PopToMark()])); break;
            case 'a': Append(PopSome(1)); break;
            case 'e': Append(PopToMark()); break;
            case '}': _stack.Add(new PickleMap([])); break;
            case 's': SetItems(PopSome(2)); break;
            case 'u': SetItems(PopToMark()); break;
            case 'q': WriteMemo(_input.Byte()); break;
            case 'r': WriteMemo(_input.UInt32()); break;
            case '\x94': WriteMemo((uint)_memo.Count); break;
            case 'h': ReadMemo(_input.Byte()); break;
            case 'j': ReadMemo(_input.UInt32()); break;
            case 'c': _stack.Add(Global(_input.Line(), _input.Line())); break;
            case '\x93':
                object?[] names = PopSome(2);
                _stack.Add(Global(names[0] as string ?? throw _input.Wrong("has a global whose name is not a text"),
                    names[1] as string ?? throw _input.Wrong("has a global whose name is not a text")));
                break;
            case 'Q': _stack.Add(new PickledStorage(Items(Pop(), "a reference to a storage"))); break;
            case 'R': _stack.Add(Call(PopSome(2))); break;
            case 'b': Build(Pop()); break;
            default: throw _input.Wrong($"uses the operation {NameOf(operation)}, which weights do not need; nothing was executed");
        }
    }

    private PickleGlobal Global(string module, string name)
    {
        string full = $"{module}.{name}";
        return TorchGlobals.IsAllowed(full) ? new PickleGlobal(full)
            : throw _input.Wrong($"names {Printable.Quote(full)}, which weights do not need; nothing was executed");
    }

    private object Call(object?[] callableAndArguments)
    {
        if (callableAndArguments[0] is not PickleGlobal function)
            throw _input.Wrong("calls something that is not on the allow-list; nothing was executed");
        object?[] arguments = Items(callableAndArguments[1], "the arguments of a call");
        return function.Name switch
        {
            TorchGlobals.OrderedDict => Map(arguments),
            TorchGlobals.RebuildTensor or TorchGlobals.RebuildTensor2 => new PickledTensor(arguments),
            TorchGlobals.RebuildParameter when arguments is [PickledTensor tensor, ..] => tensor,
            _ => throw _input.Wrong($"calls {function.Name} with the wrong arguments; nothing was executed"),
        };
    }

    // OrderedDict(), or OrderedDict([[key, value], ...]) from Python 2.
    private PickleMap Map(object?[] arguments)
    {
        var map = new PickleMap([]);
        if (arguments.Length == 0)
            return map;
        if (arguments is not [PickleList pairs])
            throw _input.Wrong($"calls {TorchGlobals.OrderedDict} with the wrong arguments; nothing was executed");
        CountOperations(pairs.Items.Count);
        foreach (object? pair in pairs.Items)
        {
            if (pair is not PickleList { Items: [var key, var value] })
                throw _input.Wrong("has a dictionary item that is not a pair");
            Set(map, key, value);
        }
        return map;
    }

    // The state of a dictionary has versions of modules. They do not affect the weights.
    private void Build(object? state)
    {
        if (Top() is not PickleMap || state is not PickleMap)
            throw _input.Wrong("sets the state of something that is not a dictionary; nothing was executed");
    }

    private void Append(object?[] items) =>
        (Top() as PickleList ?? throw _input.Wrong("appends to something that is not a list")).Items.AddRange(items);

    private void SetItems(object?[] items)
    {
        if (Top() is not PickleMap map || items.Length % 2 != 0)
            throw _input.Wrong("sets items of something that is not a dictionary");
        for (int i = 0; i < items.Length; i += 2)
            Set(map, items[i], items[i + 1]);
    }

    // A key that is a number is kept as a text, which no tensor has as its name: many numbers can have one hash value.
    private void Set(PickleMap map, object? key, object? value) => map.Items[key switch
    {
        string text => text,
        long number => string.Create(CultureInfo.InvariantCulture, $"\0{number}"),
        _ => throw _input.Wrong("has a key that is neither text nor number"),
    }] = value;

    private object?[] Items(object? value, string what) =>
        (value as PickleTuple ?? throw _input.Wrong($"needs a tuple as {what}")).Items;

    private string Text(long bytes) => bytes <= LongestText ? _input.Text(bytes)
        : throw _input.Wrong($"has a text of {bytes} bytes, more than the {LongestText} allowed");

    private void Skip(long bytes)
    {
        for (long i = 0; i < bytes; i++)
            _input.Byte();
        _stack.Add(new PickleBytes());
    }

    private void PushInteger(byte[] littleEndian)
    {
        var value = new BigInteger(littleEndian);
        if (value >= long.MinValue && value <= long.MaxValue)
            _stack.Add((long)value);
        else
            _stack.Add(value);
    }

    // A pickler counts the entries from 0.
    private void WriteMemo(uint index) => _memo[index <= MostOperations ? index : throw _input.Wrong($"writes memo entry {index}, more than {MostOperations}")] = Top();

    private void ReadMemo(uint index) => _stack.Add(_memo.TryGetValue(index, out object? value) ? value
        : throw _input.Wrong($"reads memo entry {index}, which was never written"));

    private object? Top() => _stack.Count > BottomOfStack ? _stack[^1] : throw _input.Wrong("takes a value from an empty stack");

    private object? Pop() => PopSome(1)[0];

    private object?[] PopSome(int count)
    {
        if (_stack.Count - count < BottomOfStack)
            throw _input.Wrong("takes a value from an empty stack");
        object?[] items = _stack[^count..].ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private object?[] PopToMark()
    {
        if (_marks.Count == 0)
            throw _input.Wrong("removes values back to a mark, but there is no mark");
        object?[] items = PopSome(_stack.Count - BottomOfStack);
        _marks.RemoveAt(_marks.Count - 1);
        return items;
    }

    // Values below the newest mark belong to a later operation.
    private int BottomOfStack => _marks.Count == 0 ? 0 : _marks[^1];

    private static string NameOf(byte operation) => operation switch
    {
        (byte)'i' => "INST",
        (byte)'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x82 or 0x83 or 0x84 => "EXT",
        0x8b => "LONG4",
        (byte)'P' => "PERSID",
        _ => string.Create(CultureInfo.InvariantCulture, $"0x{operation:x2}"),
    };
}
