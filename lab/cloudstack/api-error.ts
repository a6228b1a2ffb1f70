/** CSExceptionErrorCode of CloudStack: which exception an error began as. */
const cs = { serverApi: 9999, invalidParameterValue: 4350, cloudRuntime: 4250 } as const

/** What a command answers instead of its result. `code` is ApiErrorCode and HTTP status in one. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: number
  /** Null: the error has none, as a refused signature. */
  readonly csCode: number | null

  constructor(code: number, text: string, csCode: number | null = cs.serverApi) {
    super(text)
    this.code = code
    this.csCode = csCode
  }

  /** As it ends a job: an exception that is no ServerApiException counts as an internal error there. */
  get jobCode(): number {
    return this.csCode === cs.serverApi ? this.code : 530
  }
}

/** Thrown by CloudStack before a command runs. */
export const parameterError = (text: string): ApiError => new ApiError(431, text)

/** Thrown by CloudStack's services: InvalidParameterValueException. */
export const invalidValue = (text: string): ApiError => new ApiError(431, text, cs.invalidParameterValue)

export const internalError = (text: string): ApiError => new ApiError(530, text, cs.cloudRuntime)

export const refused = (): ApiError =>
  new ApiError(401, 'unable to verify user credentials and/or request signature', null)
