namespace VideoSim.Models.Records;

/// <summary>The sizes of what TFRecord framing puts around a payload.</summary>
internal static class TfRecordFraming
{
    /// <summary>Length (8 bytes) and its checksum (4).</summary>
    internal const int HeaderBytes = 12;

    /// <summary>The payload's checksum.</summary>
    internal const int FooterBytes = 4;
}
