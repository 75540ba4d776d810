using VideoSim.Peers;

return Commands.Run(args);
