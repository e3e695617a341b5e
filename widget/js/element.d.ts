/** The status of a connection, as the API gives it; the API's OpenAPI document describes every field. */
export interface ConnectionStatus {
  readonly id: string;
  readonly customer: string;
  readonly health: Health;
  readonly health_since: string;
  readonly tenant?: { readonly id: string; readonly name?: string };
  readonly last_verified_at?: string;
  readonly last_synced_at?: string;
  readonly access?: 'delegated' | 'app-only';
  readonly spare?: { readonly consented_by?: string; readonly consented_at: string; readonly last_verified_at: string };
  readonly data: { readonly as_of?: string; readonly stale_since?: string; readonly people: number; readonly deletions_held?: DeletionsHeld };
  readonly [field: string]: unknown;
}

/** So many people are gone from the directory at once that their removal waits for somebody's word. */
export interface DeletionsHeld {
  readonly round: number;
  readonly people: number;
  readonly of: number;
  readonly since: string;
  readonly may_decide?: boolean;
}

export type Health = 'awaiting-consent' | 'healthy' | 'expiring' | 'suspended' | 'dead' | 'operator-fault' | 'disconnected';
export type WidgetState = 'loading' | 'error' | 'empty' | 'offline' | 'reconnecting' | Health;

export interface WidgetError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  readonly phase: string;
}

export type FetchToken = (context: {
  readonly reason: 'load' | 'expiring' | 'rejected';
  readonly signal: AbortSignal;
}) => Promise<string | { token: string; expiresAt?: string | number | Date }>;

/** Rows of the message table: a text with {gaps}, plural forms, or a function of the gaps. */
export type Messages = Record<string, string | Partial<Record<Intl.LDMLPluralRule, string>> | ((gaps: Record<string, string>) => string)>;

export type ExitReason =
  | 'user-cancelled'
  | 'denied'
  | 'timeout'
  | 'admin-consent-required'
  | 'wrong-tenant'
  | 'same-account'
  | 'superseded'
  | 'missing-permission'
  | 'verification-failed'
  | 'unavailable'
  | 'refused';

/** What a sign-in is to come to. */
export type Goal = 'reconnect' | 'other-account' | 'backup' | 'app-only' | 'delegated';

export type ReconnectResult =
  | { outcome: 'success'; attemptId: string }
  | { outcome: 'exit'; attemptId: string | null; reason: ExitReason }
  | { outcome: 'taken' }
  | { outcome: 'unavailable' };

export interface EvergrantStatusEventMap {
  'eg-load-start': CustomEvent<{ t: number }>;
  'eg-ready': CustomEvent<{ t: number }>;
  'eg-status-change': CustomEvent<{ previous: Health | null; current: Health; cause: 'load' | 'poll' | 'reconnect' }>;
  'eg-action-required': CustomEvent<{ total: number; blocking: number; daysLeft: number | null }>;
  'eg-reconnect-start': CustomEvent<{ attemptId: null; flow: 'popup' | 'redirect'; goal: Goal }>;
  'eg-popup-blocked': CustomEvent<Record<string, never>>;
  'eg-reconnect-success': CustomEvent<{ attemptId: string; status: ConnectionStatus }>;
  'eg-reconnect-exit': CustomEvent<{ attemptId: string | null; reason: ExitReason }>;
  'eg-error': CustomEvent<WidgetError>;
}

export class EvergrantStatus extends HTMLElement {
  static readonly version: string;
  static configure(options: { wasmUrl?: string | URL }): void;
  static preload(): Promise<void>;

  api: string;
  connection: string | undefined;
  token: string | undefined;
  locale: string | undefined;
  theme: 'auto' | 'light' | 'dark';
  flow: 'auto' | 'popup' | 'redirect';
  returnUrl: string;
  refreshInterval: number;
  headingLevel: number;
  noReconnect: boolean;
  readonly: boolean;

  fetchToken: FetchToken | undefined;
  messages: Messages;

  get status(): ConnectionStatus | undefined;
  get error(): WidgetError | undefined;
  get connectionState(): WidgetState;
  get version(): string;
  readonly ready: Promise<void>;

  refresh(): void;
  reconnect(options?: { flow?: 'auto' | 'popup' | 'redirect'; chooseAccount?: boolean }): Promise<ReconnectResult>;
  cancelReconnect(): void;
  logout(): void;

  addEventListener<K extends keyof EvergrantStatusEventMap>(
    type: K,
    listener: (this: EvergrantStatus, event: EvergrantStatusEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

export function defineEvergrantElements(options?: { registry?: CustomElementRegistry }): void;

declare global {
  interface HTMLElementTagNameMap {
    'evergrant-status': EvergrantStatus;
  }
}
