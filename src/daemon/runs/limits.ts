export interface RunLimits {
  maxMemoryMb: number | null;
  maxCpuPercent: number | null;
  maxDiskMb: number | null;
  maxRuntimeMs: number | null;
  maxSilenceMs: number | null;
  onBreach: 'stop' | 'pause' | 'warn';
}
