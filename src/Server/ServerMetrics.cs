using Prometheus;

namespace VideoSim.Server;

/// <summary>What <c>/metrics</c> tells, in the text format of Prometheus.</summary>
internal sealed class ServerMetrics
{
    private static readonly double[] Seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly Counter _requests;
    private readonly Histogram _seconds;
    private readonly Gauge _running;

    /// <summary>Makes the metrics.</summary>
    /// <param name="summary">What is searched.</param>
    /// <param name="settings">Settings of the server.</param>
    /// <param name="running">The number of requests that are worked on.</param>
    public ServerMetrics(IndexSummary summary, ServerSettings settings, Func<long> running)
    {
        var factory = Metrics.WithCustomRegistry(_registry);
        _requests = factory.CreateCounter("videosim_requests_total", "Requests by path and status of the answer.", ["path", "status"]);
        _seconds = factory.CreateHistogram("videosim_request_seconds", "Time from the headers of a request to the end of its answer.", ["path"], new HistogramConfiguration { Buckets = Seconds });
        _running = factory.CreateGauge("videosim_requests_running", "Requests that are worked on.");
        factory.CreateGauge("videosim_requests_limit", "The most requests that are worked on at a time.").Set(settings.Queue);
        factory.CreateGauge("videosim_index_videos", "Videos that are searched.").Set(summary.Videos);
        DotNetStats.Register(_registry); // memory, time of processors, open files
        _registry.AddBeforeCollectCallback(() => _running.Set(running()));
    }

    /// <summary>Counts an answer.</summary>
    public void Count(string path, int status, TimeSpan time)
    {
        _requests.WithLabels(path, status.ToString(System.Globalization.CultureInfo.InvariantCulture)).Inc();
        _seconds.WithLabels(path).Observe(time.TotalSeconds);
    }

    /// <summary>Writes all metrics.</summary>
    public Task Write(Stream stream, CancellationToken aborted) => _registry.CollectAndExportAsTextAsync(stream, aborted);
}
